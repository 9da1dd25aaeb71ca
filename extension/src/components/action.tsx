import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import type { LabIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { JSX } from '../tokens';

interface IActionProps {
  readonly commands: CommandRegistry;
  readonly id: string;
  readonly args?: ReadonlyPartialJSONObject;
  /** Only the command's icon; its label is the button's name. */
  readonly isIcon?: boolean;
  /** What one comes here for. */
  readonly isMain?: boolean;
  /** In place of the command's label. */
  readonly label?: string;
}

/** A button that executes a command: its label, caption and whether it can be pressed come from there. */
export function Action({
  commands,
  id,
  args = {},
  isIcon,
  isMain,
  label
}: IActionProps): JSX.Element | null {
  const [, setRound] = React.useState(0);
  React.useEffect(() => {
    const onChanged = (_: CommandRegistry, change: CommandRegistry.ICommandChangedArgs): void => {
      if (change.id === id || change.type === 'many-changed') {
        setRound(count => count + 1);
      }
    };
    commands.commandChanged.connect(onChanged);
    return () => {
      commands.commandChanged.disconnect(onChanged);
    };
  }, [commands, id]);
  if (!commands.hasCommand(id)) {
    return null;
  }
  const text = label ?? commands.label(id, args);
  const Icon = commands.icon(id, args) as LabIcon | undefined;
  const className = isIcon
    ? 'nbprod-IconButton'
    : `jp-mod-styled nbprod-Button${isMain ? ' jp-mod-accept' : ''}`;
  return (
    <button
      type="button"
      className={className}
      title={commands.caption(id, args) || text}
      aria-label={isIcon ? text : undefined}
      disabled={!commands.isEnabled(id, args)}
      onClick={() => void commands.execute(id, args)}
    >
      {isIcon && Icon ? <Icon.react tag="span" width="16px" height="16px" /> : text}
    </button>
  );
}
