import { ServerConnection } from '@jupyterlab/services';
import { describe, expect, it } from 'vitest';

import { Api, ApiError } from '../src/api';

function answering(status: number, body: string): { api: Api; asked: Request[] } {
  const asked: Request[] = [];
  const settings = ServerConnection.makeSettings({
    baseUrl: 'http://server/a%40b/',
    fetch: async (input: RequestInfo | URL) => {
      asked.push(input as Request);
      return new Response(status === 204 ? null : body, { status });
    }
  });
  return { api: new Api(settings), asked };
}

describe('Api', () => {
  it('asks below the base address and quotes what it puts into one', async () => {
    const { api, asked } = answering(200, '{"total": 0, "runs": []}');

    const page = await api.runs('a b/ü.ipynb', { limit: 5, sort: 'metric:f1' });

    expect(page).toEqual({ total: 0, runs: [] });
    expect(asked[0].url.replace(/&\d+$/, '')).toBe(
      'http://server/a%40b/nbprod/api/runs?path=a+b%2F%C3%BC.ipynb&limit=5&sort=metric%3Af1'
    );
  });

  it('throws what the server says is wrong', async () => {
    const problem = { message: 'no run x. Fix it.', what: 'no run x', fix: 'Fix it.' };
    const { api } = answering(404, JSON.stringify(problem));

    const error = await api.run('n.ipynb', 'x').catch((reason: unknown) => reason);

    expect(error).toBeInstanceOf(ApiError);
    expect((error as ApiError).problem).toMatchObject(problem);
    expect((error as ApiError).isMissing).toBe(false);
  });

  it('tells a server without nbprod by its page', async () => {
    const { api } = answering(404, '<html>404</html>');

    const error = await api.models('n.ipynb').catch((reason: unknown) => reason);

    expect((error as ApiError).isMissing).toBe(true);
  });

  it('takes an answer without a body', async () => {
    const { api } = answering(204, '');

    await expect(api.deleteRun('n.ipynb', 'x')).resolves.toBeUndefined();
  });
});
