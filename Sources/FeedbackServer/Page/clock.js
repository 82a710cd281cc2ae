// How long a task is visible, by a clock that never jumps. Time without any sign of a person is counted apart.

const idleAfter = 30_000;
const signs = ["pointermove", "pointerdown", "keydown", "wheel", "scroll", "touchmove"];

export class VisibleClock {
  #active = 0;
  #idle = 0;
  #mark = 0;
  #lastSign = 0;
  #isVisible = false;
  #isRunning = false;

  constructor() {
    for (const sign of signs) addEventListener(sign, () => this.#sign(), { passive: true, capture: true });
    document.addEventListener("visibilitychange", () => this.#visibility());
  }

  /** Starts for a task; `known` is what was measured before the page was loaded again. */
  start(known = { active: 0, idle: 0 }) {
    this.#active = known.active;
    this.#idle = known.idle;
    this.#mark = this.#lastSign = performance.now();
    this.#isVisible = document.visibilityState === "visible";
    this.#isRunning = true;
  }

  stop() {
    this.#count();
    this.#isRunning = false;
  }

  /** Milliseconds so far. */
  get times() {
    this.#count();
    return { active: this.#active, idle: this.#idle };
  }

  /** Whether somebody was here in the last `span` milliseconds. */
  wasActive(span) {
    return this.#isVisible && performance.now() - this.#lastSign < span;
  }

  #count() {
    const now = performance.now();
    if (this.#isRunning && this.#isVisible) {
      const active = Math.max(0, Math.min(now, this.#lastSign + idleAfter) - this.#mark);
      this.#active += active;
      this.#idle += now - this.#mark - active;
    }
    this.#mark = now;
  }

  #sign() {
    this.#count();
    this.#lastSign = performance.now();
  }

  #visibility() {
    this.#count();
    this.#isVisible = document.visibilityState === "visible";
    this.#lastSign = performance.now();
  }
}
