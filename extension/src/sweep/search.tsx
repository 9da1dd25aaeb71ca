import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { JSX } from '../tokens';
import { Select, TextField } from './inputs';
import { DEFAULT_TRIALS, directionOf } from './request';
import type { Direction, IChoice, IFormReading, ISize, Method } from './request';

interface ISearchProps {
  readonly metrics: readonly string[];
  readonly choice: IChoice;
  readonly errors: IFormReading['errors'];
  readonly size: ISize | null;
  readonly onChange: (choice: Partial<IChoice>) => void;
  readonly trans: TranslationBundle;
}

/** How to search: what is to be made better, by which method, in how many trials. */
export function SearchFields(props: ISearchProps): JSX.Element {
  const { metrics, choice, errors, size, onChange, trans } = props;
  const id = React.useId();
  const methods: Record<Method, string> = {
    auto: trans.__('automatic'),
    grid: trans.__('grid: all combinations'),
    random: trans.__('random'),
    tpe: trans.__('TPE: learns as it goes')
  };
  const trialsHint =
    size?.method === 'grid' ? trans.__('all %1', size.grid) : String(DEFAULT_TRIALS);
  return (
    <fieldset className="nbprod-Form-part nbprod-Form-search">
      <legend>{trans.__('Search')}</legend>
      <Select
        id={`${id}-metric`}
        label={trans.__('metric')}
        value={choice.metric}
        options={Object.fromEntries(metrics.map(name => [name, name]))}
        error={errors.metric}
        onChange={metric => onChange({ metric, direction: directionOf(metric) })}
      />
      <Select
        id={`${id}-direction`}
        label={trans.__('better is')}
        value={choice.direction}
        options={{ maximize: trans.__('more'), minimize: trans.__('less') }}
        onChange={direction => onChange({ direction: direction as Direction })}
      />
      <Select
        id={`${id}-method`}
        label={trans.__('method')}
        value={choice.method}
        options={methods}
        error={errors.method}
        onChange={method => onChange({ method: method as Method })}
      />
      <div className="nbprod-Form-pair">
        <TextField
          id={`${id}-trials`}
          label={trans.__('trials')}
          hint={trialsHint}
          value={choice.trials}
          error={errors.trials}
          onChange={trials => onChange({ trials })}
        />
        <TextField
          id={`${id}-parallel`}
          label={trans.__('at the same time')}
          value={choice.parallel}
          error={errors.parallel}
          onChange={parallel => onChange({ parallel })}
        />
      </div>
    </fieldset>
  );
}
