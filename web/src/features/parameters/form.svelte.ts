import { effectiveParameters, listParameters, type Place } from '$core/api/parameters';
import type { Parameter, ParameterSaid, Parameters } from '$core/api/types';
import { countOf, optionsOf, said, textsOf, type Texts } from '$core/turn/options';

/** Parameters as they are filled in: what there is to say comes from the server. */
export class ParameterForm {
  table = $state.raw<Parameter[] | null>(null);
  /** What holds there without them, and who says so. */
  others = $state.raw<ParameterSaid[]>([]);
  texts = $state<Texts>({});
  private tried = $state(false);
  private left = $state<Record<string, boolean>>({});

  /** Which of them say nothing that the server takes, once they were left or all was to be sent. */
  get wrong(): string[] {
    return this.table ? optionsOf(this.table, this.texts).wrong.filter((name) => this.tried || this.left[name]) : [];
  }

  leave(name: string): void {
    this.left[name] = true;
  }

  get changed(): boolean {
    return Object.values(this.texts).some((text) => text.trim() !== '');
  }

  /** How many are said. */
  get count(): number {
    return this.table ? countOf(optionsOf(this.table, this.texts).options) : 0;
  }

  async fill(options: Parameters, place?: Place): Promise<void> {
    this.tried = false;
    this.left = {};
    this.others = [];
    if (this.table) this.texts = textsOf(this.table, options);
    const [table, others] = await Promise.all([this.table ?? listParameters(), place ? effectiveParameters(place) : []]);
    if (!this.table) this.texts = textsOf(table, options);
    this.table = table;
    this.others = others;
  }

  empty(): void {
    if (this.table) this.texts = textsOf(this.table, {});
  }

  /** What was filled in; null: something of it is wrong, or nothing is known yet. */
  read(): Parameters | null {
    this.tried = true;
    if (!this.table) return null;
    const { options, wrong } = optionsOf(this.table, this.texts);
    return wrong.length > 0 ? null : said(options);
  }
}
