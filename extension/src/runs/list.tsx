import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { Empty } from '../components/empty';
import { Failed } from '../components/failed';
import { usePulse } from '../components/pulse';
import { Push } from '../components/push';
import { CommandIDs } from '../tokens';
import type { INbprodModel, JSX } from '../tokens';
import type { Run } from '../types';
import { columnsOf } from './columns';
import type { ISort } from './columns';
import { Filters } from './filters';
import { useRuns } from './pages';
import { RunsTable } from './table';
import type { IPlace } from './table';

const ENOUGH = 300; // runs that tell which columns there are

interface IListProps {
  readonly model: INbprodModel;
  readonly commands: CommandRegistry;
  readonly trans: TranslationBundle;
  readonly path: string;
  readonly isShown: boolean;
  readonly isBusy: boolean;
  readonly sort: ISort;
  readonly setSort: (sort: ISort) => void;
  readonly status: string;
  readonly setStatus: (status: string) => void;
  readonly sweep: string;
  readonly setSweep: (sweep: string) => void;
  /** Comparisons of metrics and parameters that all hold. */
  readonly where: string;
  readonly setWhere: (where: string) => void;
  readonly selected: ReadonlyMap<string, Run>;
  readonly setSelected: (selected: ReadonlyMap<string, Run>) => void;
  readonly place: React.MutableRefObject<IPlace>;
  readonly onOpen: (run: Run) => void;
  readonly onCompare: () => void;
  readonly onDelete: () => void;
}

/** The list of runs with its filters, and what can be done with those that are selected. */
export function RunsList(props: IListProps): JSX.Element {
  const { model, commands, trans, path, sort, status, sweep, where, selected } = props;
  const runs = useRuns(model.api, path, {
    sort: sort.key,
    order: sort.order,
    status: status || undefined,
    sweep: sweep || undefined,
    where: where || undefined
  });
  usePulse(model, ['run', 'sweep'], 1500, runs.again);
  const wasShown = React.useRef(props.isShown);
  React.useEffect(() => {
    if (props.isShown && !wasShown.current) {
      runs.again(); // others may have run something meanwhile
    }
    wasShown.current = props.isShown;
  }, [props.isShown]);
  const analysis = model.analysis;
  const columns = React.useMemo(
    () =>
      columnsOf(
        runs.known.slice(0, ENOUGH),
        analysis?.metrics ?? [],
        analysis?.parameters.map(one => one.name) ?? [],
        trans
      ),
    [runs.known, analysis, trans]
  );
  const toggle = (run: Run): void => {
    const next = new Map(selected);
    if (!next.delete(run.id)) {
      next.set(run.id, run);
    }
    props.setSelected(next);
  };
  const isFiltered = status !== '' || sweep !== '' || where !== '';
  return (
    <div className="nbprod-Runs">
      {runs.total === 0 && !isFiltered ? null : (
        <Filters {...props} total={runs.total} again={runs.again} isLoading={runs.isLoading} />
      )}
      {runs.problem ? (
        <Failed model={model} problem={runs.problem} trans={trans} again={runs.again} />
      ) : null}
      {runs.total === 0 ? (
        isFiltered ? (
          <Empty title={trans.__('No such run')}>
            {trans.__('No run of this notebook is like that. Ask for all of them above.')}
          </Empty>
        ) : (
          <Empty title={trans.__('No runs yet')}>
            <p>
              {trans.__(
                'A run executes the notebook as a pipeline and keeps its results, parameters and metrics. They are listed here, to be compared and promoted.'
              )}
            </p>
            <Push isMain onClick={() => void commands.execute(CommandIDs.run)}>
              {trans.__('Run the pipeline')}
            </Push>
          </Empty>
        )
      ) : null}
      {runs.total ? (
        <RunsTable
          key={`${sort.key} ${sort.order} ${status} ${sweep} ${where}`}
          {...{ runs, columns, sort, selected, trans }}
          onSort={next => {
            props.place.current = { offset: 0, row: -1 };
            props.setSort(next);
          }}
          onSelect={toggle}
          onOpen={props.onOpen}
          place={props.place}
        />
      ) : null}
      {selected.size ? (
        <div className="nbprod-Runs-selected" role="group" aria-label={trans.__('Selected runs')}>
          <span role="status">{trans.__('%1 selected', selected.size)}</span>
          <Push
            disabled={selected.size < 2}
            title={selected.size < 2 ? trans.__('Select two runs or more') : ''}
            onClick={props.onCompare}
          >
            {trans.__('Compare')}
          </Push>
          <Push disabled={props.isBusy} onClick={props.onDelete}>
            {props.isBusy ? trans.__('deleting…') : trans.__('Delete…')}
          </Push>
          <button
            type="button"
            className="nbprod-Link"
            onClick={() => props.setSelected(new Map())}
          >
            {trans.__('clear')}
          </button>
        </div>
      ) : null}
    </div>
  );
}
