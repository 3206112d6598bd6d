# pip as root: builds a wheel and installs it for all users.
apt-get update -qq
apt-get install -y --no-install-recommends python3-pip python3-setuptools python3-wheel > /root/log 2>&1
mkdir -p /root/p/greet && cd /root/p
cat > setup.py <<'P'
from setuptools import setup
setup(name="greet", version="1.0", packages=["greet"], entry_points={"console_scripts": ["greet = greet:main"]})
P
printf 'def main():\n    import os\n    print("hello from", os.getuid())\n' > greet/__init__.py
pip install --break-system-packages --no-index --no-build-isolation --root-user-action=ignore . > /root/pip 2>&1 || { cat /root/pip; exit 1; }
greet
su -s /bin/sh nobody -c greet
stat -c '%n %U:%G %a' /usr/local/bin/greet /usr/local/lib/python3*/dist-packages/greet/__init__.py
su -s /bin/sh nobody -c 'pip uninstall --break-system-packages -y greet' > /dev/null 2>&1 || echo "nobody may not"
pip uninstall --break-system-packages --root-user-action=ignore -y greet > /dev/null 2>&1
ls /usr/local/bin 2> /dev/null || true
