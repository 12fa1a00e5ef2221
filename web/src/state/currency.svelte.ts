import { listMyLimits } from '$core/api/usage';

/** The currency of all money; asked for when the first amount is shown. */
export class Currency {
  private code = $state('');
  private asked = false;

  get name(): string {
    if (!this.asked) {
      this.asked = true;
      listMyLimits().then(
        (l) => (this.code = l.currency),
        () => (this.asked = false),
      );
    }
    return this.code;
  }
}
