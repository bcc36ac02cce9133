// The servers of tests are on this machine, and what proxies do is tested with proxies of the tests' own.
for (const name of Object.keys(process.env)) if (/_proxy$/i.test(name)) delete process.env[name];
