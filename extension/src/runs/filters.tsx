import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Push } from '../components/push';
import { stateWord } from '../components/status';
import type { JSX } from '../tokens';
import type { RunStatus } from '../types';
import type { IPlace } from './table';

const STATES: readonly RunStatus[] = ['done', 'failed', 'running', 'pending', 'cancelled', 'lost'];

interface IFiltersProps {
  readonly trans: TranslationBundle;
  readonly status: string;
  readonly setStatus: (status: string) => void;
  readonly sweep: string;
  readonly setSweep: (sweep: string) => void;
  readonly where: string;
  readonly setWhere: (where: string) => void;
  readonly place: React.MutableRefObject<IPlace>;
  readonly total: number | null;
  readonly isLoading: boolean;
  readonly again: () => void;
}

/** Which runs are listed. */
export function Filters(props: IFiltersProps): JSX.Element {
  const { trans, status, setStatus, sweep, setSweep, total, again, isLoading, place } = props;
  const [typed, setTyped] = React.useState(props.where);
  const change = (work: () => void): void => {
    place.current = { offset: 0, row: -1 };
    work();
  };
  return (
    <div className="nbprod-Runs-filters">
      <label className="nbprod-Field">
        <span>{trans.__('State')}</span>
        <select
          className="nbprod-Select"
          value={status}
          onChange={event => change(() => setStatus(event.target.value))}
        >
          <option value="">{trans.__('all')}</option>
          {STATES.map(state => (
            <option key={state} value={state}>
              {stateWord(state, trans)}
            </option>
          ))}
        </select>
      </label>
      <form
        className="nbprod-Runs-where"
        onSubmit={event => {
          event.preventDefault();
          change(() => props.setWhere(typed.trim()));
        }}
      >
        <input
          type="search"
          className="nbprod-Input"
          aria-label={trans.__('Only runs in which')}
          placeholder={trans.__('accuracy > 0.9')}
          title={trans.__(
            'Comparisons of metrics and parameters, with commas between them: accuracy > 0.9, max_depth = 2. Press Enter.'
          )}
          spellCheck={false}
          value={typed}
          onChange={event => {
            setTyped(event.target.value);
            if (!event.target.value) {
              change(() => props.setWhere(''));
            }
          }}
        />
      </form>
      <span className="nbprod-Runs-total" role="status">
        {total === null
          ? isLoading
            ? trans.__('loading…')
            : ''
          : trans._n('%1 run', '%1 runs', total)}
      </span>
      {sweep ? (
        <Push title={sweep} onClick={() => change(() => setSweep(''))}>
          {trans.__('one sweep only')} <span aria-hidden="true">✕</span>
        </Push>
      ) : null}
      <Push
        className="nbprod-Runs-refresh"
        onClick={again}
        aria-label={trans.__('Refresh the list of runs')}
        title={trans.__('Refresh')}
      >
        <span aria-hidden="true">⟳</span>
      </Push>
    </div>
  );
}
