import { listModels, refreshModels } from '$core/api/models';
import type { Model, ModelList } from '$core/api/types';
import { canChat } from '$core/words';
import { t } from '$core/i18n/i18n.svelte';
import { notices } from '$design/notices.svelte';
import { read, readList, write } from './storage';

export class Models {
  list = $state.raw<ModelList>({ items: [], default: null, defaults: {}, providers: [], refreshing: false });
  loaded = $state(false);
  refreshing = $state(false);
  /** What the person chose last; it is the first choice for new chats. */
  chosen = $state<string | null>(null);

  /** Those chosen lately, the last first, and those with a star. */
  recent = $state.raw<string[]>([]);
  starred = $state.raw<string[]>([]);

  /** True when there is no language model: nobody answers, or the built-in guide alone. */
  missing = $derived(this.loaded && this.list.items.every((m) => m.kind === 'librarian'));

  /** The choices are those of one person, in this browser. */
  constructor(private readonly user: string) {
    this.chosen = read('model.' + user);
    this.recent = readList('models.recent.' + user);
    this.starred = readList('models.starred.' + user);
  }

  /** The list as it came with the page itself. */
  begin(list: ModelList): void {
    this.list = list;
    this.loaded = true;
  }

  async load(): Promise<void> {
    try {
      this.begin(await listModels());
    } catch (e) {
      notices.error(e);
    }
  }

  /** As load, in the background: nobody asked, so nobody is told that it failed. */
  async look(): Promise<void> {
    try {
      this.list = await listModels();
    } catch {
      // the next look comes soon
    }
  }

  async refresh(): Promise<void> {
    if (this.refreshing) return;
    this.refreshing = true;
    try {
      this.list = await refreshModels();
      this.loaded = true;
      // A provider that answers slowly is not waited for by the server: what it says comes with a later list.
      for (let i = 0; i < 4 && this.list.refreshing; i++) {
        await new Promise((done) => setTimeout(done, 1000));
        this.list = await listModels();
      }
    } catch (e) {
      notices.error(e);
    } finally {
      this.refreshing = false;
    }
  }

  find(id: string | null | undefined): Model | undefined {
    return this.list.items.find((m) => m.id === id);
  }

  choose(id: string): void {
    this.chosen = id;
    write('model.' + this.user, id);
    this.recent = [id, ...this.recent.filter((r) => r !== id)].slice(0, 5);
    write('models.recent.' + this.user, JSON.stringify(this.recent));
  }

  /** Gives a star, or takes it away. */
  star(id: string): void {
    this.starred = this.starred.includes(id) ? this.starred.filter((s) => s !== id) : [...this.starred, id];
    write('models.starred.' + this.user, JSON.stringify(this.starred));
  }

  /** The model that answers next: the conversation's own, else the last chosen, else the server's default. */
  next(own: string | null): string | null {
    if (own) return own;
    if (this.find(this.chosen)) return this.chosen;
    return this.list.default ?? this.list.items.find(canChat)?.id ?? null;
  }

  /** Other models that would answer, those with a star or chosen lately first. */
  atHand(but: string | null): Model[] {
    const liked = [...this.starred, ...this.recent];
    const rank = (m: Model) => (liked.includes(m.id) ? liked.indexOf(m.id) : liked.length) + (m.state === 'ready' ? 0 : 0.5);
    const usable = this.list.items.filter((m) => m.id !== but && m.kind !== 'librarian' && canChat(m) && m.state !== 'unreachable');
    return usable.sort((a, b) => rank(a) - rank(b)).slice(0, 6);
  }

  name(id: string | null | undefined): string {
    return this.find(id)?.name ?? id ?? t('model.none');
  }
}
