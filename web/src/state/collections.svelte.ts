import { listCollections } from '$core/api/documents';
import type { Collection } from '$core/api/types';

/** The collections that the person may read, by name; asked for when they are first wanted. */
export class Collections {
  items = $state.raw<Collection[]>([]);
  loaded = $state(false);
  private asked: Promise<void> | null = null;

  async load(): Promise<void> {
    this.items = await listCollections();
    this.loaded = true;
  }

  /** Looks once; after a failure, again the next time. */
  want(): void {
    this.asked ??= this.load().catch(() => void (this.asked = null));
  }

  find(id: string): Collection | undefined {
    return this.items.find((c) => c.id === id);
  }
}
