// pm2 start ecosystem.config.cjs
module.exports = {
  apps: [
    {
      name: 'flock-off-validator',
      script: 'node_modules/flock-off/dist/cli/index.js',
      args: 'validator --config validator.yaml --metrics_port 9100',
      // One process: it starts its own.
      exec_mode: 'fork',
      instances: 1,
      autorestart: true,
      restart_delay: 30_000,
      max_restarts: 5,
      min_uptime: '10m',
      kill_timeout: 30_000,
      // Logs are in .flock-off/logs already, begun anew and pruned. What Node itself says of an end is on stderr only, which
      // pm2 keeps in ~/.pm2/logs.
      out_file: '/dev/null',
    },
  ],
};
