import { say } from '$core/api/errors';

/** Something that is fetched, and fetched again. What was there stays while it is looked at anew. */
export class Resource<T> {
  value = $state.raw<T | null>(null);
  /** Why there is nothing to show. */
  problem = $state('');
  private asked = 0;

  constructor(private readonly fetch: () => Promise<T>) {}

  async load(): Promise<void> {
    const mine = ++this.asked;
    try {
      const value = await this.fetch();
      if (mine !== this.asked) return;
      this.value = value;
      this.problem = '';
    } catch (e) {
      if (mine === this.asked && this.value === null) this.problem = say(e);
    }
  }

  /** Something else told the new value; an answer that is still under way is older. */
  set(value: T): void {
    this.asked++;
    this.value = value;
    this.problem = '';
  }
}
