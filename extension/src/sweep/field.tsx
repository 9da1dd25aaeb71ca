import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { JSX } from '../tokens';
import type { Parameter } from '../types';
import { isNumeric } from './fields';
import type { FieldPart, How, IField, IReading } from './fields';
import { Select, TextField } from './inputs';

interface IFieldProps {
  readonly parameter: Parameter;
  readonly field: IField;
  readonly reading: IReading;
  readonly onChange: (field: IField) => void;
  readonly trans: TranslationBundle;
}

/** A parameter of the sweep: one value, some, or a range. */
export function ParameterField(props: IFieldProps): JSX.Element {
  const { parameter, field, reading, onChange, trans } = props;
  const id = React.useId();
  const change = (part: Partial<IField>): void => onChange({ ...field, ...part });
  const input = (part: Exclude<FieldPart, 'log'>, label: string, hint = ''): JSX.Element => (
    <TextField
      id={`${id}-${part}`}
      label={label}
      name={parameter.name}
      hint={hint}
      value={field[part]}
      error={reading.errors[part]}
      onChange={value => change({ [part]: value })}
    />
  );
  return (
    <div className="nbprod-Parameter" role="group" aria-labelledby={`${id}-name`}>
      <div className="nbprod-Parameter-head">
        <code id={`${id}-name`} className="nbprod-Parameter-name" title={parameter.name}>
          {parameter.name}
        </code>
        <span className="nbprod-Parameter-type">{parameter.type}</span>
        <select
          className="nbprod-Select"
          aria-label={trans.__('How %1 is given', parameter.name)}
          value={field.how}
          onChange={event => change({ how: event.target.value as How })}
        >
          <option value="fixed">{trans.__('one value')}</option>
          <option value="choices">{trans.__('choices')}</option>
          {isNumeric(parameter) ? <option value="range">{trans.__('range')}</option> : null}
        </select>
      </div>
      {field.how === 'fixed' && parameter.type === 'bool' && !parameter.optional ? (
        <Select
          id={`${id}-fixed`}
          label={trans.__('value')}
          name={parameter.name}
          value={field.fixed}
          options={{ True: 'True', False: 'False' }}
          onChange={fixed => change({ fixed })}
        />
      ) : field.how === 'fixed' ? (
        input('fixed', trans.__('value'))
      ) : null}
      {field.how === 'choices' ? input('choices', trans.__('values'), '1, 2, 4') : null}
      {field.how === 'range' ? (
        <div className="nbprod-Parameter-range">
          {input('low', trans.__('from'))}
          {input('high', trans.__('to'))}
          {field.log ? null : input('step', trans.__('step'), trans.__('any'))}
          <label className="nbprod-Check">
            <input
              type="checkbox"
              checked={field.log}
              onChange={event =>
                change({ log: event.target.checked, step: event.target.checked ? '' : field.step })
              }
            />
            {trans.__('logarithmic')}
          </label>
        </div>
      ) : null}
    </div>
  );
}
