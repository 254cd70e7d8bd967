import { expect, test } from 'vitest'
import { configJsonSchema } from '../../src/config/index.ts'
import { kinds } from '../../src/kinds/index.ts'
import { result } from './commands.ts'

test('the JSON Schema of the config, of every kind', async () => {
  const { code, stdout, stderr } = await result({ flags: ['schema'] })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(configJsonSchema(kinds))))
  expect(JSON.parse(stdout).$schema).toBe('https://json-schema.org/draft/2020-12/schema')
})
