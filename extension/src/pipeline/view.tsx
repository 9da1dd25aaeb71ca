import * as React from 'react';

import { Empty } from '../components/empty';
import { ProblemBox } from '../components/problem';
import { isWritable, taggedCells } from '../document';
import type { IViewProps } from '../panel';
import { CommandIDs } from '../tokens';
import type { INbprodModel, JSX } from '../tokens';
import type { Problem } from '../types';
import { Action } from '../components/action';
import { Graph } from './graph';
import { Parameters } from './parameters';
import { Problems } from './problems';
import { SuggestionView } from './suggestion';

/** The pipeline that the notebook is: its graph, what is wrong with it, and its parameters. */
export function PipelineView({ model, commands, trans }: IViewProps): JSX.Element {
  const { analysis, problem, panel } = model;
  const canWrite = panel !== null && isWritable(panel);
  const open = (cell: string, line: number | null = null): void =>
    void commands.execute(CommandIDs.goToCell, { cell, ...(line === null ? {} : { line }) });
  const setTags = (edits: Readonly<Record<string, readonly string[]>>, label: string): void =>
    void commands.execute(CommandIDs.setTags, { edits: edits as Record<string, string[]>, label });

  if (!analysis) {
    return problem ? (
      <NoPipeline model={model} commands={commands} trans={trans} problem={problem} />
    ) : (
      <p className="nbprod-Note" role="status">
        {trans.__('Reading the notebook…')}
      </p>
    );
  }
  const errors = analysis.diagnostics.filter(one => one.severity === 'error').length;
  return (
    <div className="nbprod-Pipeline">
      <div className="nbprod-Actions nbprod-Toolbar">
        <Action commands={commands} id={CommandIDs.run} isMain />
        <Action commands={commands} id={CommandIDs.suggest} />
        <Action commands={commands} id={CommandIDs.undoTags} isIcon />
        <Action commands={commands} id={CommandIDs.redoTags} isIcon />
        <Action commands={commands} id={CommandIDs.refresh} isIcon />
      </div>
      {problem ? <ProblemBox problem={problem} /> : null}
      {analysis.config_problem ? <ConfigProblem {...{ model, commands, trans }} /> : null}
      {canWrite ? null : (
        <p className="nbprod-Note">
          {trans.__('This notebook is read-only: its tags cannot change.')}
        </p>
      )}
      {model.suggestion && panel ? (
        <SuggestionView
          suggestion={model.suggestion}
          cells={taggedCells(panel)}
          isWritable={canWrite}
          trans={trans}
          onOpen={open}
          onAccept={edits => {
            setTags(edits, trans.__('Suggested tasks'));
            model.dismissSuggestion();
          }}
          onDismiss={() => model.dismissSuggestion()}
        />
      ) : null}
      <Next {...{ model, commands, trans }} />
      {analysis.tasks.length && (analysis.tagged || analysis.tasks.length > 1) ? (
        <Graph analysis={analysis} states={model.states} trans={trans} onOpen={open} />
      ) : null}
      {analysis.diagnostics.length ? (
        <section>
          <h2>
            {errors
              ? trans._n('%1 error', '%1 errors', errors)
              : trans._n('%1 remark', '%1 remarks', analysis.diagnostics.length)}
          </h2>
          <Problems
            diagnostics={analysis.diagnostics}
            isWritable={canWrite}
            trans={trans}
            onOpen={open}
            onFix={fix => setTags({ [fix.cell]: fix.tags }, fix.title)}
          />
        </section>
      ) : null}
      {analysis.parameters.length ? (
        <section>
          <h2>{trans.__('Parameters of the next run')}</h2>
          <Parameters
            parameters={analysis.parameters}
            values={model.parameters}
            trans={trans}
            onSet={(name, value) => model.setParameter(name, value)}
            onReset={name => model.clearParameter(name)}
          />
        </section>
      ) : null}
    </div>
  );
}

function NoPipeline({
  commands,
  trans,
  problem
}: IViewProps & { readonly problem: Problem }): JSX.Element {
  return (
    <ProblemBox problem={problem}>
      <button
        type="button"
        className="jp-mod-styled nbprod-Button"
        onClick={() => void commands.execute(CommandIDs.refresh)}
      >
        {trans.__('Try again')}
      </button>
    </ProblemBox>
  );
}

/** What is wrong with `pipelines.yaml`; it is looked at again by itself once that is mended. */
function ConfigProblem({ model, commands, trans }: IViewProps): JSX.Element | null {
  const problem = model.analysis?.config_problem;
  const root = model.analysis?.root;
  if (!problem) {
    return null;
  }
  const path = root ? `${root}/pipelines.yaml` : 'pipelines.yaml';
  return (
    <ProblemBox problem={problem}>
      <button
        type="button"
        className="jp-mod-styled nbprod-Button"
        onClick={() => void commands.execute('docmanager:open', { path, factory: 'Editor' })}
      >
        {trans.__('Open pipelines.yaml')}
      </button>
    </ProblemBox>
  );
}

/** What to do first, where there is no pipeline yet. */
function Next({ model, commands, trans }: IViewProps): JSX.Element | null {
  const { analysis, suggestion } = model;
  const hasCode = hasCodeCells(model);
  if (!analysis || suggestion || analysis.tagged) {
    return null;
  }
  if (!hasCode) {
    return (
      <Empty title={trans.__('This notebook has no code yet')}>
        {trans.__('Write a few cells: data, features, a model. Then cut them into tasks here.')}
      </Empty>
    );
  }
  return (
    <Empty title={trans.__('Cut this notebook into tasks')}>
      <p>
        {trans.__(
          'A task is some cells that run together. What a task gives is kept, so that only what has changed runs again.'
        )}
      </p>
      <p>
        {trans.__(
          'Let nbprod suggest tasks from the headings and the data flow, or select cells and press Alt T.'
        )}
      </p>
      <Action commands={commands} id={CommandIDs.suggest} isMain />
    </Empty>
  );
}

function hasCodeCells(model: INbprodModel): boolean {
  const cells = model.panel?.content.model?.cells ?? [];
  return Array.from(cells).some(
    cell => cell.type === 'code' && cell.sharedModel.getSource().trim() !== ''
  );
}
