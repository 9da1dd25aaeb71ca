import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { Widget } from '@lumino/widgets';
import { act, cleanup, render, screen, waitFor } from '@testing-library/react';
import * as React from 'react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Chart, MIME } from '../src/components/chart';
import type { VegaLite } from '../src/components/chartspec';

interface IDrawn {
  readonly widget: Widget;
  readonly spec: VegaLite;
}

/** A registry whose renderers keep what they are given, or refuse to draw. */
function registry(drawn: IDrawn[], fails = false): IRenderMimeRegistry {
  return {
    mimeTypes: [MIME],
    createModel: ({ data }: { data: object }) => ({ data }),
    createRenderer: () => {
      const widget = new Widget();
      return Object.assign(widget, {
        renderModel: async (model: { data: Record<string, VegaLite> }) => {
          if (fails) {
            throw new Error('no canvas');
          }
          drawn.push({ widget, spec: model.data[MIME] });
        }
      });
    }
  } as unknown as IRenderMimeRegistry;
}

/** Set the theme's colour; jsdom does not inherit variables. */
function accent(colour: string): void {
  const sheet = document.getElementById('theme') ?? document.createElement('style');
  sheet.id = 'theme';
  sheet.textContent = `.nbprod-Chart-picture { --jp-brand-color1: ${colour}; }`;
  document.head.append(sheet);
}

const spec = ({ accent }: { accent: string }): VegaLite => ({
  mark: { type: 'bar', color: accent }
});

function chart(rendermime?: IRenderMimeRegistry): React.ReactElement {
  return (
    <Chart title="Loss" tableLabel="As a table" height={100} {...{ rendermime, spec }}>
      <p>the numbers</p>
    </Chart>
  );
}

beforeEach(() => {
  vi.stubGlobal(
    'ResizeObserver',
    class {
      constructor(private _tell: (entries: object[]) => void) {}
      observe(): void {
        this._tell([{ contentRect: { width: 320.7 } }]);
      }
      disconnect(): void {}
    }
  );
  accent('rgb(1, 2, 3)');
});

afterEach(cleanup);

describe('a chart', () => {
  it('is as wide as its place and has the colours of the theme', async () => {
    const drawn: IDrawn[] = [];
    render(chart(registry(drawn)));

    await waitFor(() => expect(drawn).toHaveLength(1));

    expect(drawn[0].spec).toMatchObject({
      width: 320,
      height: 100,
      background: 'transparent',
      mark: { color: 'rgb(1, 2, 3)' }
    });
    await waitFor(() => expect(drawn[0].widget.isHidden).toBe(false));
    expect(screen.getByText('the numbers').closest('details')?.open).toBe(false);
  });

  it('is drawn anew when the theme changes, and the old picture goes only then', async () => {
    const drawn: IDrawn[] = [];
    const { unmount } = render(chart(registry(drawn)));
    await waitFor(() => expect(drawn[0]?.widget.isHidden).toBe(false));

    accent('rgb(9, 9, 9)');
    act(() => {
      document.body.dataset.jpThemeName = 'JupyterLab Dark';
    });

    await waitFor(() => expect(drawn).toHaveLength(2));
    expect(drawn[1].spec).toMatchObject({ mark: { color: 'rgb(9, 9, 9)' } });
    await waitFor(() => expect(drawn[0].widget.isDisposed).toBe(true));
    expect(drawn[1].widget.isDisposed).toBe(false);
    unmount();
    expect(drawn[1].widget.isDisposed).toBe(true);
  });

  it('is a table where nothing draws it, or where that fails', async () => {
    render(chart());
    expect(screen.getByText('the numbers').closest('details')?.open).toBe(true);
    cleanup();

    render(chart(registry([], true)));
    await waitFor(() =>
      expect(screen.getByText('the numbers').closest('details')?.open).toBe(true)
    );
  });
});
