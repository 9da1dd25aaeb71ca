import type { IRenderMime, IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { Widget } from '@lumino/widgets';
import * as React from 'react';

import type { JSX } from '../tokens';
import { themed } from './chartspec';
import type { IChartColours, VegaLite } from './chartspec';

export const MIME = 'application/vnd.vegalite.v5+json';

interface IChartProps {
  /** JupyterLab's renderers; where none draws charts, the table is all there is. */
  readonly rendermime?: IRenderMimeRegistry;
  readonly title: string;
  /** What opens the table. */
  readonly tableLabel: string;
  readonly height: number;
  /** Makes the chart's specification, without size and colours of axes; the same function while nothing changes. */
  readonly spec: (colours: IChartColours) => VegaLite;
  /** The same as a table, for who cannot see the chart. */
  readonly children: React.ReactNode;
}

/** A chart in the colours of the theme, drawn by JupyterLab's Vega; its data stand as a table below. */
export function Chart({
  rendermime,
  title,
  tableLabel,
  height,
  spec,
  children
}: IChartProps): JSX.Element {
  const place = React.useRef<HTMLDivElement>(null);
  const width = useWidth(place);
  const theme = useTheme();
  const [hasFailed, setHasFailed] = React.useState(false);
  const canDraw = rendermime?.mimeTypes.includes(MIME) ?? false;
  const shown = React.useRef<IRenderMime.IRenderer | null>(null);
  // layout effects: what they clean up is still on the page then, as Lumino wants it
  React.useLayoutEffect(() => {
    const host = place.current;
    if (!host || !rendermime || !canDraw || width < 40) {
      return;
    }
    const colours = coloursOf(host);
    const data = themed(spec(colours), colours, width, height);
    const renderer = rendermime.createRenderer(MIME);
    renderer.hide();
    Widget.attach(renderer, host);
    draw(rendermime, renderer, data).then(
      () => {
        if (!renderer.isDisposed) {
          // the picture before it stayed until now, so that nothing flickers
          shown.current?.dispose();
          shown.current = renderer;
          renderer.show();
          setHasFailed(false);
        }
      },
      () => !renderer.isDisposed && setHasFailed(true)
    );
    return () => {
      if (renderer !== shown.current) {
        renderer.dispose();
      }
    };
  }, [rendermime, canDraw, spec, width, height, theme]);
  React.useLayoutEffect(() => () => shown.current?.dispose(), []);
  return (
    <figure className="nbprod-Chart">
      <figcaption className="nbprod-Chart-title">{title}</figcaption>
      {canDraw ? (
        <div
          className="nbprod-Chart-picture"
          ref={place}
          style={{ minHeight: height }}
          aria-hidden="true"
        />
      ) : null}
      <details className="nbprod-Chart-data" open={!canDraw || hasFailed}>
        <summary>{tableLabel}</summary>
        {children}
      </details>
    </figure>
  );
}

async function draw(
  rendermime: IRenderMimeRegistry,
  renderer: IRenderMime.IRenderer,
  data: VegaLite
): Promise<void> {
  const model = rendermime.createModel({
    data: { [MIME]: data },
    metadata: { [MIME]: { embed_options: { actions: false, renderer: 'svg', theme: 'none' } } }
  });
  await renderer.renderModel(model);
}

/** The width of an element, told again once it has stopped changing. */
function useWidth(place: React.RefObject<HTMLElement>): number {
  const [width, setWidth] = React.useState(0);
  React.useEffect(() => {
    let timer = 0;
    const observer = new ResizeObserver(entries => {
      const now = Math.floor(entries[entries.length - 1].contentRect.width);
      window.clearTimeout(timer);
      timer = window.setTimeout(() => setWidth(old => (now > 0 ? now : old)), 100);
    });
    if (place.current) {
      observer.observe(place.current);
    }
    return () => {
      window.clearTimeout(timer);
      observer.disconnect();
    };
  }, [place]);
  return width;
}

/** The theme's name; JupyterLab writes it on the page once the theme's colours are there. */
function useTheme(): string {
  const read = (): string => document.body.dataset.jpThemeName ?? '';
  const [theme, setTheme] = React.useState(read);
  React.useEffect(() => {
    const observer = new MutationObserver(() => setTheme(read()));
    observer.observe(document.body, { attributes: true, attributeFilter: ['data-jp-theme-name'] });
    return () => observer.disconnect();
  }, []);
  return theme;
}

function coloursOf(host: HTMLElement): IChartColours {
  const style = getComputedStyle(host);
  const read = (name: string): string => style.getPropertyValue(name).trim() || 'gray';
  return {
    text: read('--jp-ui-font-color1'),
    grid: read('--jp-border-color2'),
    accent: read('--jp-brand-color1'),
    quiet: read('--jp-ui-font-color2'),
    good: read('--jp-success-color1'),
    font: read('--jp-ui-font-family')
  };
}
