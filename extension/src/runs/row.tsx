import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Status } from '../components/status';
import { moment } from '../format';
import type { JSX } from '../tokens';
import type { Run } from '../types';
import { originOf } from './columns';
import type { IColumn } from './columns';

interface IRowProps {
  readonly run: Run | undefined;
  readonly index: number;
  readonly height: number;
  readonly columns: readonly IColumn[];
  readonly isSelected: boolean;
  /** Whether the tab key stops at it; the arrow keys go on from there. */
  readonly isCurrent: boolean;
  readonly onOpen: (run: Run) => void;
  readonly onSelect: (run: Run) => void;
  readonly trans: TranslationBundle;
}

/** A run of the list. */
export function RunRow(props: IRowProps): JSX.Element {
  const { run, index, height, columns, isSelected, isCurrent, onOpen, onSelect, trans } = props;
  const stop = isCurrent ? 0 : -1;
  if (!run) {
    return (
      <tr aria-rowindex={index + 2} style={{ height }}>
        <th scope="row" className="nbprod-Runs-first">
          {trans.__('loading…')}
        </th>
        <td colSpan={columns.length} />
      </tr>
    );
  }
  const when = moment(run.created);
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
            tabIndex={stop}
            onChange={() => onSelect(run)}
            aria-label={trans.__('Select the run of %1', when)}
          />
          <button
            type="button"
            className="nbprod-Runs-open"
            data-index={index}
            tabIndex={stop}
            title={run.id}
            onClick={() => onOpen(run)}
          >
            <span className="nbprod-Runs-when">
              {when}
              {run.sweep ? (
                <span className="nbprod-Runs-origin">{originOf(run, trans)}</span>
              ) : null}
            </span>
            <Status state={run.status} trans={trans} />
          </button>
        </div>
      </th>
      {columns.map(column => {
        const text = column.text(run);
        return (
          <td key={column.key} className={column.isNumber ? 'nbprod-mod-number' : ''} title={text}>
            {text}
          </td>
        );
      })}
    </tr>
  );
}
