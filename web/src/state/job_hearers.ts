import type { Change } from '$core/api/types';

/** Who wants to know of changes of jobs: the page of models, while it is open. No change: anything may have been missed. */
export const jobHearers = new Set<(change?: Change) => void>();
