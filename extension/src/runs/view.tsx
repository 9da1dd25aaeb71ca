import { Dialog, showDialog } from '@jupyterlab/apputils';
import * as React from 'react';

import { useDeed } from '../components/deed';
import { useWishes } from '../components/handover';
import { ProblemBox } from '../components/problem';
import { ProjectTab } from '../components/projecttab';
import type { IProjectProps } from '../components/projecttab';
import { Push } from '../components/push';
import type { IViewProps } from '../panel';
import type { JSX } from '../tokens';
import type { Run } from '../types';
import { NEWEST } from './columns';
import type { ISort } from './columns';
import { CompareView } from './compareview';
import { DetailView } from './detail';
import { RunsList } from './list';
import type { IPlace } from './table';

/** The Runs tab: the list, one run, or several side by side. */
export function RunsView(props: IViewProps): JSX.Element {
  return <ProjectTab {...props} content={Runs} />;
}

type Page = { at: 'list' } | { at: 'run'; id: string } | { at: 'compare' };

function Runs(props: IProjectProps): JSX.Element {
  const { model, commands, trans, path, isShown } = props;
  const [page, setPage] = React.useState<Page>({ at: 'list' });
  const [sort, setSort] = React.useState<ISort>(NEWEST);
  const [status, setStatus] = React.useState('');
  const [sweep, setSweep] = React.useState('');
  const [where, setWhere] = React.useState('');
  const [selected, setSelected] = React.useState<ReadonlyMap<string, Run>>(new Map());
  const place = React.useRef<IPlace>({ offset: 0, row: -1 });
  const deed = useDeed();

  useWishes(model, 'runs', wish => {
    if (wish.run) {
      setPage({ at: 'run', id: wish.run });
    } else if (wish.sweep) {
      setSweep(wish.sweep);
      setPage({ at: 'list' });
    }
  });

  const remove = async (ids: readonly string[]): Promise<void> => {
    const answer = await showDialog({
      title: trans._n('Delete the run?', 'Delete %1 runs?', ids.length),
      body: trans.__(
        'Records and executed notebooks go for good. Results that other runs share stay in the cache.'
      ),
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Delete') })],
      defaultButton: 0
    });
    if (!answer.button.accept) {
      return;
    }
    const gone: string[] = [];
    await deed.act('delete', async () => {
      for (const id of ids) {
        await model.api.deleteRun(path, id);
        gone.push(id);
      }
    });
    setSelected(old => new Map([...old].filter(([id]) => !gone.includes(id))));
    if (gone.length) {
      setPage({ at: 'list' });
    }
  };

  const filter = { sort, setSort, status, setStatus, sweep, setSweep, where, setWhere };
  return (
    <>
      {deed.problem ? (
        <ProblemBox problem={deed.problem}>
          <Push onClick={deed.forget}>{trans.__('Close')}</Push>
        </ProblemBox>
      ) : null}
      {page.at === 'list' ? (
        <RunsList
          {...{ model, commands, trans, path, isShown, selected, setSelected, place }}
          {...filter}
          isBusy={deed.doing !== ''}
          onOpen={run => setPage({ at: 'run', id: run.id })}
          onCompare={() => setPage({ at: 'compare' })}
          onDelete={() => void remove([...selected.keys()])}
        />
      ) : page.at === 'run' ? (
        <DetailView
          key={page.id}
          {...{ model, commands, trans, path }}
          id={page.id}
          onBack={() => setPage({ at: 'list' })}
          onDelete={() => void remove([page.id])}
        />
      ) : (
        <CompareView
          {...{ model, trans, path }}
          ids={[...selected.values()].sort((a, b) => a.created - b.created).map(one => one.id)}
          onBack={() => setPage({ at: 'list' })}
        />
      )}
    </>
  );
}
