import { base } from '$core/api/client';
import { Live } from '$core/live/live';
import { connect } from '$core/live/wires';
import { session } from './session.svelte';

/** What this page follows of the server. */
export const live = new Live((hear) => connect(session.user?.id ?? '', base, hear));
