import { serverNow } from '$core/clock';

/** The time, in steps, for texts that age. */
class Clock {
  now = $state(serverNow());
  constructor() {
    setInterval(() => this.tick(), 30_000);
  }
  tick(): void {
    this.now = serverNow();
  }
}

export const clock = new Clock();
