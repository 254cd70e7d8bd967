/** Real servers of the protocols that begin in the clear, from Debian's packages, each in a folder of its own. Needs root. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Certificate } from '../../support/certificates.ts'
import { closedPort, until } from '../../support/net.ts'

export interface Server {
  readonly port: number
  readonly dir: string
  stop(): Promise<void>
}

interface Place {
  readonly dir: string
  readonly port: number
  readonly cert: string
  readonly key: string
}

/** Runs a program in the foreground until it is stopped, by a signal unless it needs a command. */
async function run(
  certificate: Certificate,
  command: (place: Place) => readonly string[],
  halt: (child: ChildProcess, place: Place) => void = child => void child.kill('SIGTERM'),
): Promise<Server> {
  const place = await createPlace(certificate)
  const [program = '', ...args] = command(place)
  const path = `${process.env.PATH}:/usr/sbin`
  const child = spawn(program, args, { stdio: 'ignore', env: { ...process.env, PATH: path } })
  await until(() => accepts(place.port, child), `${program} listens`, 60_000)
  const stop = async () => {
    const exit = once(child, 'exit')
    halt(child, place)
    await exit
    rmSync(place.dir, { recursive: true, force: true })
  }
  return { ...place, stop }
}

async function createPlace({ certFile, keyFile }: Certificate): Promise<Place> {
  const dir = mkdtempSync(join(tmpdir(), 'pulsecheck-starttls-'))
  chmodSync(dir, 0o755)
  const [cert, key] = [join(dir, 'cert.pem'), join(dir, 'key.pem')]
  copyFileSync(certFile, cert)
  copyFileSync(keyFile, key)
  // MariaDB reads it as its own user.
  chmodSync(key, 0o644)
  return { dir, port: await closedPort(), cert, key }
}

async function accepts(port: number, child: ChildProcess): Promise<boolean> {
  if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${child.exitCode}`)
  const socket = connect(port, '127.0.0.1')
  const connected = await Promise.race([once(socket, 'connect'), once(socket, 'close')]).then(
    () => !socket.connecting && !socket.destroyed,
    () => false,
  )
  socket.destroy()
  return connected
}

function written(dir: string, name: string, lines: readonly string[]): string {
  const file = join(dir, name)
  writeFileSync(file, `${lines.join('\n')}\n`)
  return file
}

/** Dovecot for IMAP or POP3. */
export function startDovecot(certificate: Certificate, protocol: 'imap' | 'pop3'): Promise<Server> {
  return run(certificate, ({ dir, port, cert, key }) => {
    const settings = [
      `base_dir=${dir}/run`,
      `state_dir=${dir}/state`,
      `log_path=${dir}/log`,
      `protocols=${protocol}`,
      'ssl=yes',
      `ssl_cert=<${cert}`,
      `ssl_key=<${key}`,
      'default_login_user=nobody',
      'default_internal_user=nobody',
      'default_internal_group=nogroup',
      'passdb {\n  driver=static\n  args=nopassword=y\n}',
      'userdb {\n  driver=static\n  args=uid=65534 gid=65534 home=/nonexistent\n}',
      `service ${protocol}-login {\n  chroot=\n  inet_listener ${protocol} {\n    address=127.0.0.1\n    port=${port}\n  }`,
      `  inet_listener ${protocol}s {\n    port=0\n  }\n}`,
    ]
    return ['dovecot', '-F', '-c', written(dir, 'dovecot.conf', settings)]
  })
}

export function startVsftpd(certificate: Certificate): Promise<Server> {
  return run(certificate, ({ dir, port, cert, key }) => {
    mkdirSync(join(dir, 'empty'))
    const settings = [
      'listen=YES',
      'listen_address=127.0.0.1',
      `listen_port=${port}`,
      'background=NO',
      'anonymous_enable=YES',
      'ssl_enable=YES',
      'allow_anon_ssl=YES',
      'ssl_ciphers=HIGH',
      `rsa_cert_file=${cert}`,
      `rsa_private_key_file=${key}`,
      `secure_chroot_dir=${dir}/empty`,
      'seccomp_sandbox=NO',
    ]
    return ['vsftpd', written(dir, 'vsftpd.conf', settings)]
  })
}

/** OpenLDAP. Without TLS if no certificate is to be used. */
export function startSlapd(certificate: Certificate, secure = true): Promise<Server> {
  return run(certificate, ({ dir, port, cert, key }) => {
    mkdirSync(join(dir, 'data'))
    const settings = [
      'include /etc/ldap/schema/core.schema',
      ...(secure ? [`TLSCertificateFile ${cert}`, `TLSCertificateKeyFile ${key}`] : []),
      'database ldif',
      'suffix "dc=test"',
      `directory ${dir}/data`,
    ]
    return ['slapd', '-h', `ldap://127.0.0.1:${port}`, '-f', written(dir, 'slapd.conf', settings), '-d', '0']
  })
}

export function startMariadb(certificate: Certificate): Promise<Server> {
  return run(certificate, ({ dir, port, cert, key }) => {
    const own = ['--no-defaults', '--user=mysql', `--datadir=${dir}/data`]
    const id = (flag: string) => Number(execFileSync('id', [flag, 'mysql']))
    chownSync(dir, id('-u'), id('-g'))
    execFileSync(
      'mariadb-install-db',
      [...own, '--auth-root-authentication-method=normal', '--skip-test-db'],
      {
        stdio: 'ignore',
      },
    )
    const secure = [`--ssl-cert=${cert}`, `--ssl-key=${key}`]
    const place = [`--socket=${dir}/socket`, `--port=${port}`, '--bind-address=127.0.0.1']
    return ['mariadbd', ...own, ...place, ...secure]
  })
}

/** A number out of `SHOW GLOBAL STATUS`. */
export function mariadbStatus({ dir }: Server, name: string): number {
  const sql = `SHOW GLOBAL STATUS LIKE '${name}'`
  const { stdout } = spawnSync('mariadb', ['--no-defaults', '-S', `${dir}/socket`, '-uroot', '-BNe', sql], {
    encoding: 'utf8',
  })
  return Number(stdout.split('\t')[1])
}

/** Postfix, which takes no name that is not a host's. */
export function startPostfix(certificate: Certificate): Promise<Server> {
  const halt = (_: ChildProcess, { dir }: Place) =>
    void execFileSync('postfix', ['-c', join(dir, 'conf'), 'stop'], { stdio: 'ignore' })
  return run(
    certificate,
    ({ dir, port, cert, key }) => {
      for (const folder of ['conf', 'queue', 'data']) mkdirSync(join(dir, folder))
      chownSync(join(dir, 'data'), Number(execFileSync('id', ['-u', 'postfix'])), 0)
      written(join(dir, 'conf'), 'main.cf', [
        'compatibility_level=3.6',
        `queue_directory=${dir}/queue`,
        `data_directory=${dir}/data`,
        'command_directory=/usr/sbin',
        'daemon_directory=/usr/lib/postfix/sbin',
        'mail_owner=postfix',
        'setgid_group=postdrop',
        'myhostname=localhost',
        'mydestination=',
        'inet_interfaces=127.0.0.1',
        'inet_protocols=ipv4',
        'smtpd_tls_security_level=may',
        `smtpd_tls_cert_file=${cert}`,
        `smtpd_tls_key_file=${key}`,
        `maillog_file=${dir}/log`,
        `maillog_file_prefixes=${dir}`,
        'smtpd_helo_required=yes',
        'smtpd_helo_restrictions=reject_invalid_helo_hostname reject_non_fqdn_helo_hostname',
        'smtpd_delay_reject=no',
      ])
      written(join(dir, 'conf'), 'master.cf', [
        `127.0.0.1:${port} inet n - n - - smtpd`,
        'anvil unix - - n - 1 anvil',
        'tlsmgr unix - - n 1000? 1 tlsmgr',
        'rewrite unix - - n - - trivial-rewrite',
        'proxymap unix - - n - - proxymap',
        'postlog unix-dgram n - n - 1 postlogd',
      ])
      return ['postfix', '-c', join(dir, 'conf'), 'start-fg']
    },
    halt,
  )
}

export function startNginx(certificate: Certificate): Promise<Server> {
  return run(certificate, ({ dir, port, cert, key }) => {
    const settings = [
      `daemon off; pid ${dir}/pid; error_log ${dir}/log; events {}`,
      `http { access_log off; server { listen 127.0.0.1:${port} ssl http2; ssl_protocols TLSv1.3;`,
      `  ssl_certificate ${cert}; ssl_certificate_key ${key}; } }`,
    ]
    return ['nginx', '-p', dir, '-c', written(dir, 'nginx.conf', settings)]
  })
}
