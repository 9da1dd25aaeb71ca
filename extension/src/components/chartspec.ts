/** What all charts have in common. */
import type { JSONObject } from '@lumino/coreutils';

/** A Vega-Lite specification. */
export type VegaLite = JSONObject;

/** Colours of the theme that charts use. */
export interface IChartColours {
  readonly text: string;
  readonly grid: string;
  readonly accent: string;
  readonly quiet: string;
  readonly good: string;
  readonly font: string;
}

/** A specification with its size, and axes and legends in the theme's colours. */
export function themed(
  spec: VegaLite,
  colours: IChartColours,
  width: number,
  height: number
): VegaLite {
  const labels = { labelColor: colours.text, titleColor: colours.text, titleFontWeight: 'normal' };
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v5.json',
    width,
    height,
    autosize: { type: 'fit', contains: 'padding' },
    background: 'transparent',
    ...spec,
    config: {
      font: colours.font,
      view: { stroke: null },
      axis: {
        ...labels,
        gridColor: colours.grid,
        domainColor: colours.grid,
        tickColor: colours.grid,
        labelFontSize: 11,
        titleFontSize: 11
      },
      legend: { ...labels, labelFontSize: 11, titleFontSize: 11 },
      text: { color: colours.text }
    }
  };
}
