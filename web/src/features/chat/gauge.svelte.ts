import { countContext } from '$core/api/context';
import type { Context, ContextDraft } from '$core/api/types';

/** Who types is not asked for at each key; a long draft is a long request. */
const REST = 500;
const LONG = 50_000;

/** What the model would be given for the question that is being written, as the server counts it. */
export class Gauge {
  context = $state.raw<Context | null>(null);
  private timer: ReturnType<typeof setTimeout> | undefined;
  private request: AbortController | null = null;

  /** Counts once nothing has changed for a while; what was counted last stays until then. */
  look(conversation: string, draft: ContextDraft): void {
    this.stop();
    this.timer = setTimeout(() => void this.count(conversation, draft), (draft.content?.length ?? 0) > LONG ? 3 * REST : REST);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.request?.abort();
  }

  private async count(conversation: string, draft: ContextDraft): Promise<void> {
    const request = (this.request = new AbortController());
    try {
      this.context = await countContext(conversation, draft, request.signal);
    } catch {
      // A figure less: whatever is the matter is told when the question is sent.
      if (!request.signal.aborted) this.context = null;
    }
  }
}
