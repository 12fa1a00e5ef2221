import { listAssistants } from '$core/api/assistants';
import { imageUrl } from '$core/api/images';
import type { Assistant } from '$core/api/types';

/** What stands for one, as `Sign` shows it. */
export const signOf = ({ image_id, emoji }: Pick<Assistant, 'image_id' | 'emoji'>) => ({ image: image_id ? imageUrl(image_id) : null, emoji });

/** The assistants that the person has, own and shared, by name. */
export class Assistants {
  items = $state.raw<Assistant[]>([]);
  loaded = $state(false);
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** As they came with the page itself. */
  begin(items: Assistant[]): void {
    this.items = items;
    this.loaded = true;
  }

  async load(): Promise<void> {
    this.begin(await listAssistants());
  }

  /** One was changed somewhere: looks again, once for a burst. */
  touch(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.load().catch(() => {}), 200);
  }

  find = (id: string | null | undefined): Assistant | undefined => (id ? this.items.find((a) => a.id === id) : undefined);

  /** Those that may be asked. */
  get usable(): Assistant[] {
    return this.items.filter((a) => a.may !== 'read');
  }

  /** What new chats begin with. */
  get usual(): Assistant | undefined {
    return this.usable.find((a) => a.is_default);
  }
}
