# npm as root: installs a package from a local directory for all users.
apt-get update -qq
apt-get install -y --no-install-recommends npm > /root/log 2>&1
mkdir -p /root/p && cd /root/p
cat > package.json <<'J'
{ "name": "greet", "version": "1.0.0", "bin": { "greet": "greet.js" },
  "scripts": { "postinstall": "node -e \"require('fs').writeFileSync('made', String(process.getuid()))\"" } }
J
printf '#!/usr/bin/env node\nconsole.log("hello from", process.getuid());\n' > greet.js; chmod 755 greet.js
npm pack --silent > /root/pack 2>&1
npm install --global --silent --offline ./greet-1.0.0.tgz > /root/npm 2>&1 || { cat /root/npm; exit 1; }
greet
su -s /bin/sh nobody -c greet
find /usr/local/lib/node_modules/greet -printf '%P %u:%g %m\n' | sort
cat /usr/local/lib/node_modules/greet/made; echo
npm uninstall --global --silent greet > /dev/null 2>&1
ls /usr/local/bin /usr/local/lib/node_modules
