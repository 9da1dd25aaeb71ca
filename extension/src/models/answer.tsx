import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { value } from '../format';
import type { JSX } from '../tokens';
import type { Prediction } from '../types';
import { tableOf } from './schema';

interface IAnswerProps {
  readonly prediction: Prediction;
  readonly trans: TranslationBundle;
}

/** What the service has answered, and how long that took. */
export function Answer({ prediction, trans }: IAnswerProps): JSX.Element {
  const { answer, seconds } = prediction;
  return (
    <div className="nbprod-Answer">
      <div className="nbprod-Card-head">
        <h3>{trans.__('Answer')}</h3>
        <span className="nbprod-Note">
          {trans.__('in %1 ms', Math.max(1, Math.round(seconds * 1000)))}
        </span>
      </div>
      <AnswerValue answer={answer} label={trans.__('Answer')} />
    </div>
  );
}

/** An answer: rows as a table, all else as JSON. */
export function AnswerValue(props: { answer: unknown; label: string }): JSX.Element {
  const { answer, label } = props;
  const table = tableOf(answer);
  return table ? (
    <div className="nbprod-Scroll">
      <table className="nbprod-Table" aria-label={label}>
        <thead>
          <tr>
            {table.head.map(name => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, index) => (
            <tr key={index}>
              {row.map((one, at) => (
                <td key={at}>{value(one)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  ) : (
    <pre className="nbprod-Log" tabIndex={0} aria-label={label}>
      {JSON.stringify(answer, null, 2)}
    </pre>
  );
}
