import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { taskColors } from '../cells/colors';
import { isTaskName, toTaskName } from '../tags';
import type { ITaggedCell } from '../tags';
import type { JSX } from '../tokens';
import type { SuggestedTask, Suggestion } from '../types';
import { suggestedEdits } from './suggested';
import type { Names } from './suggested';

interface ISuggestionProps {
  readonly suggestion: Suggestion;
  readonly cells: readonly ITaggedCell[];
  readonly isWritable: boolean;
  readonly trans: TranslationBundle;
  readonly onOpen: (cell: string) => void;
  readonly onAccept: (edits: Readonly<Record<string, readonly string[]>>) => void;
  readonly onDismiss: () => void;
}

/** Proposed tasks with their cells and why, to rename, drop, accept; nothing is set before. */
export function SuggestionView(props: ISuggestionProps): JSX.Element {
  const { suggestion, cells, isWritable, trans, onAccept, onDismiss } = props;
  const [names, setNames] = React.useState<Names>({});
  const edits = suggestedEdits(cells, suggestion, names);
  const colors = taskColors(suggestion.tasks.map(task => task.name));
  const isFine = suggestion.tasks.every(({ name }) => isTaskName(names[name] ?? name));
  const reasons = Object.entries(suggestion.reasons).filter(([id]) => edits.has(id));
  return (
    <section className="nbprod-Suggestion" aria-label={trans.__('Suggested tasks')}>
      <h2>{trans.__('Suggested tasks')}</h2>
      <p className="nbprod-Note">
        {trans.__('Nothing is changed until you accept. It can be undone.')}
      </p>
      <ol className="nbprod-Suggestion-list">
        {suggestion.tasks.map(task => (
          <Proposal
            key={task.name}
            {...props}
            task={task}
            color={colors.get(task.name)}
            name={task.name in names ? names[task.name] : task.name}
            onName={name => setNames(old => ({ ...old, [task.name]: name }))}
          />
        ))}
      </ol>
      {reasons.length ? (
        <details className="nbprod-Disclosure">
          <summary>{trans._n('%1 cell in detail', '%1 cells in detail', reasons.length)}</summary>
          <ul className="nbprod-Suggestion-list">
            {reasons.map(([id, why]) => (
              <li key={id}>
                <button type="button" className="nbprod-Link" onClick={() => props.onOpen(id)}>
                  {trans.__('Cell %1', numberOf(cells, id))}
                </button>{' '}
                {edits.get(id)?.join(', ')}
                <div className="nbprod-Note">{why}</div>
              </li>
            ))}
          </ul>
        </details>
      ) : null}
      <div className="nbprod-Actions nbprod-Suggestion-actions">
        <button
          type="button"
          className="jp-mod-styled jp-mod-accept nbprod-Button"
          disabled={!edits.size || !isFine || !isWritable}
          title={isWritable ? '' : trans.__('This notebook is read-only: its tags cannot change.')}
          onClick={() => onAccept(Object.fromEntries(edits))}
        >
          {trans._n('Tag %1 cell', 'Tag %1 cells', edits.size)}
        </button>
        <button type="button" className="jp-mod-styled nbprod-Button" onClick={onDismiss}>
          {trans.__('Dismiss')}
        </button>
      </div>
      {edits.size ? null : (
        <p className="nbprod-Note">{trans.__('The cells have these tags already.')}</p>
      )}
    </section>
  );
}

interface IProposalProps extends ISuggestionProps {
  readonly task: SuggestedTask;
  readonly color: string | undefined;
  readonly name: string | null;
  readonly onName: (name: string | null) => void;
}

function Proposal({
  task,
  color,
  name,
  trans,
  cells,
  onName,
  onOpen
}: IProposalProps): JSX.Element {
  const numbers = task.cells.map(id => numberOf(cells, id));
  const isFine = name === null || isTaskName(name);
  return (
    <li className="nbprod-Card" style={{ borderLeft: `4px solid ${color}` }}>
      <div className="nbprod-Suggestion-head">
        <input
          className="nbprod-Input"
          aria-label={trans.__('Name of the task')}
          aria-invalid={!isFine}
          disabled={name === null}
          value={name ?? task.name}
          onChange={event => onName(event.target.value)}
          onBlur={event => name !== null && onName(toTaskName(event.target.value) || task.name)}
        />
        {name === null ? (
          <button type="button" className="nbprod-Link" onClick={() => onName(task.name)}>
            {trans.__('Keep')}
          </button>
        ) : (
          <button
            type="button"
            className="nbprod-Link"
            aria-label={trans.__('Drop %1', task.name)}
            onClick={() => onName(null)}
          >
            {trans.__('Drop')}
          </button>
        )}
      </div>
      <div>
        <button type="button" className="nbprod-Link" onClick={() => onOpen(task.cells[0])}>
          {trans._n('Cell %2', 'Cells %2', numbers.length, numbers.join(', '))}
        </button>
        <span className="nbprod-Note">
          {name === null ? trans.__('go to the task above') : task.why}
        </span>
      </div>
    </li>
  );
}

/** A cell's number among the code cells. */
function numberOf(cells: readonly ITaggedCell[], id: string): number {
  return cells.filter(cell => cell.isCode).findIndex(cell => cell.id === id) + 1;
}
