// Says in one sentence why this folder cannot be released, and ends with 1; says nothing and ends with 0 when it can.
// The release workflow asks before it tests anything. RELEASE_TAG is the pushed tag, GITHUB_REPOSITORY who runs it.
import { readFileSync } from 'node:fs';

const { version, repository } = JSON.parse(readFileSync('package.json', 'utf8'));
const { RELEASE_TAG, GITHUB_REPOSITORY } = process.env;
const url = typeof repository === 'string' ? repository : repository?.url;

const reason = () => {
  if (!url)
    return 'package.json has no "repository": npm signs where a package was built only when it names that place. Set it to { "type": "git", "url": "git+https://github.com/OWNER/NAME.git" }.';
  if (GITHUB_REPOSITORY && nameOf(url) !== GITHUB_REPOSITORY.toLowerCase())
    return `package.json names the repository ${url}, and this workflow runs in ${GITHUB_REPOSITORY}: npm refuses a signature from elsewhere. Correct one of the two.`;
  if (RELEASE_TAG !== `v${version}`)
    return `the tag is "${RELEASE_TAG ?? ''}", and package.json has version ${version}: expected the tag v${version}. Change the version, or tag again.`;
  if (
    !readFileSync('CHANGELOG.md', 'utf8')
      .split('\n')
      .some((line) => line.startsWith(`## ${version}`))
  )
    return `CHANGELOG.md has no section "## ${version}": users could not read what changed. Give the lines under "Unreleased" that heading.`;
  return null;
};

/** `owner/name` of a GitHub address or of npm's short forms of one. */
function nameOf(address) {
  return address
    .replace(/^github:|^.*github\.com[/:]/, '')
    .replace(/\.git$/, '')
    .toLowerCase();
}

const why = reason();
if (why !== null) {
  process.stderr.write(`No release: ${why}\n`);
  process.exitCode = 1;
}
