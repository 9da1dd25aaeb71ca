/** What JupyterLab's packages expect of a browser and jsdom lacks. */
const view = globalThis as unknown as Record<string, unknown>;

class Observer {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
}

view.DragEvent ??= class extends Event {};
view.ResizeObserver ??= Observer;
view.IntersectionObserver ??= Observer;
view.requestIdleCallback ??= (callback: () => void) => setTimeout(callback, 0);
view.cancelIdleCallback ??= clearTimeout;
view.matchMedia ??= (query: string) => ({
  matches: false,
  media: query,
  addEventListener: () => undefined,
  removeEventListener: () => undefined,
  addListener: () => undefined,
  removeListener: () => undefined
});
