import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Status } from '../components/status';
import { moment } from '../format';
import type { JSX } from '../tokens';
import type { Run } from '../types';
import { originOf, shortMoment } from './columns';
import type { IColumn } from './columns';

interface IRowProps {
  readonly run: Run | undefined;
  readonly index: number;
  readonly height: number;
  readonly columns: readonly IColumn[];
  readonly isSelected: boolean;
  /** Whether the tab key stops at it; the arrow keys go on from there. */
  readonly isCurrent: boolean;
  readonly onOpen: (run: Run, index: number) => void;
  readonly onSelect: (run: Run) => void;
  readonly trans: TranslationBundle;
}

/**
 * A run of the list, or the place of one that is still on its way: the same elements, so that the focus stays
 * where it is when the run comes.
 */
export const RunRow = React.memo(function RunRow(props: IRowProps): JSX.Element {
  const { run, index, height, columns, isSelected, isCurrent, onOpen, onSelect, trans } = props;
  const stop = isCurrent ? 0 : -1;
  const when = run ? shortMoment(run.created) : trans.__('loading…');
  const origin = run ? originOf(run, trans) : '';
  return (
    <tr
      aria-rowindex={index + 2}
      className={isSelected ? 'nbprod-mod-selected' : ''}
      style={{ height }}
    >
      <th scope="row" className="nbprod-Runs-first">
        <div className="nbprod-Runs-name">
          <input
            type="checkbox"
            checked={isSelected}
            disabled={!run}
            tabIndex={stop}
            onChange={() => run && onSelect(run)}
            aria-label={trans.__('Select the run of %1', when)}
          />
          <button
            type="button"
            className="nbprod-Runs-open"
            data-index={index}
            tabIndex={stop}
            title={run ? `${moment(run.created)} ${run.id}` : ''}
            onClick={() => run && onOpen(run, index)}
          >
            <span className="nbprod-Runs-when">{when}</span>
            <span className="nbprod-Runs-how">
              {run ? <Status state={run.status} trans={trans} /> : null}
              {origin ? <span className="nbprod-Runs-origin">{origin}</span> : null}
            </span>
          </button>
        </div>
      </th>
      {columns.map(column => {
        const text = run ? column.text(run) : '';
        return (
          <td key={column.key} className={column.isNumber ? 'nbprod-mod-number' : ''} title={text}>
            {text}
          </td>
        );
      })}
    </tr>
  );
});
