import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { JSX } from '../tokens';
import type { CellFix, Diagnostic, Severity } from '../types';

interface IProblemsProps {
  readonly diagnostics: readonly Diagnostic[];
  readonly isWritable: boolean;
  readonly trans: TranslationBundle;
  readonly onOpen: (cell: string, line: number | null) => void;
  readonly onFix: (fix: CellFix) => void;
}

const ORDER: readonly Severity[] = ['error', 'warning', 'info'];
const SIGNS: Record<Severity, string> = { error: '✕', warning: '△', info: 'i' };

/** What is wrong or worth knowing in the notebook, the worst first; each leads to its cell and line. */
export function Problems(props: IProblemsProps): JSX.Element {
  const { diagnostics, trans } = props;
  const sorted = [...diagnostics].sort(
    (one, other) => ORDER.indexOf(one.severity) - ORDER.indexOf(other.severity)
  );
  return (
    <ul className="nbprod-Problems" aria-label={trans.__('Problems')}>
      {sorted.map((one, index) => (
        <Entry key={`${index} ${one.code} ${one.cell}`} diagnostic={one} {...props} />
      ))}
    </ul>
  );
}

function Entry({
  diagnostic,
  isWritable,
  trans,
  onOpen,
  onFix
}: IProblemsProps & { readonly diagnostic: Diagnostic }): JSX.Element {
  const { severity, message, cell, number, line, hint, fix } = diagnostic;
  const words: Record<Severity, string> = {
    error: trans.__('error'),
    warning: trans.__('warning'),
    info: trans.__('note')
  };
  const where =
    number === null
      ? ''
      : line === null
        ? trans.__('cell %1', number)
        : trans.__('cell %1, line %2', number, line);
  const head = (
    <>
      <span className="nbprod-Problems-sign" aria-hidden="true">
        {SIGNS[severity]}
      </span>
      <span className="nbprod-Problems-word">{words[severity]}</span>
      {where ? <span className="nbprod-Problems-where">{where}</span> : null}
    </>
  );
  return (
    <li className="nbprod-Problems-entry" data-severity={severity}>
      {cell === null ? (
        <div className="nbprod-Problems-open">
          {head}
          <span className="nbprod-Problems-message">{message}</span>
        </div>
      ) : (
        <button
          type="button"
          className="nbprod-Problems-open"
          title={trans.__('Go to the cell')}
          onClick={() => onOpen(cell, line)}
        >
          {head}
          <span className="nbprod-Problems-message">{message}</span>
        </button>
      )}
      {hint ? <div className="nbprod-Problems-hint">{hint}</div> : null}
      {fix && isWritable ? (
        <button type="button" className="jp-mod-styled nbprod-Button" onClick={() => onFix(fix)}>
          {fix.title}
        </button>
      ) : null}
    </li>
  );
}
