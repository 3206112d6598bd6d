//! The workloads: everyday work in a Debian root.

/// A shell script whose time is measured.
pub(super) struct Workload {
    pub(super) name: &'static str,
    /// Run in the guest. Its output must be the same everywhere.
    pub(super) script: &'static str,
    /// Whether the workload mainly looks up paths.
    pub(super) is_path_heavy: bool,
    /// Run before the script in the same way, and not measured.
    pub(super) before: Option<&'static str>,
}

const fn workload(name: &'static str, script: &'static str) -> Workload {
    Workload { name, script, is_path_heavy: false, before: None }
}

const fn path_heavy(name: &'static str, script: &'static str) -> Workload {
    Workload { name, script, is_path_heavy: true, before: None }
}

/// The workload that needs a database.
pub(super) const PGBENCH: &str = "pgbench";

/// The workloads. `/scratch` holds the files of [`super::lab::Lab`].
pub(super) const WORKLOADS: &[Workload] = &[
    path_heavy("find /usr", "find /usr | wc -l"),
    path_heavy("find -newer", "find /usr -newer /scratch/mark | wc -l"),
    path_heavy("ls -lR /usr/lib", "ls -lR /usr/lib | wc -l"),
    workload("300 × true", "i=0; while [ $i -lt 300 ]; do /bin/true; i=$((i + 1)); done"),
    workload(
        "python imports × 10",
        "for i in 0 1 2 3 4 5 6 7 8 9; do \
         python3 -c 'import asyncio, email.message, http.client, json, sqlite3, unittest, xml.dom'; done",
    ),
    workload("python compileall", "python3 -m compileall -q -f /scratch/modules && echo done"),
    path_heavy("tar /usr/lib/python3", "cd /usr/lib && tar cf - python3 python3.* | wc -c"),
    path_heavy(
        "tar x, rm -r",
        "cd /scratch && mkdir x && tar xf modules.tar -C x && find x | wc -l && rm -r x",
    ),
    workload(
        "gcc -c × 5",
        "cd /scratch/project && for i in 1 2 3 4 5; do gcc -O0 -c src/main.c -o /scratch/o; done",
    ),
    Workload {
        // The index stores the files' owners, which differ under fake root: each peer first
        // rewrites it.
        before: Some("cd /scratch/repository && git status > /dev/null"),
        ..path_heavy(
            "git status × 5",
            "cd /scratch/repository && for i in 1 2 3 4 5; do git status --short; done | wc -l",
        )
    },
    workload("git clone", "cd /scratch && git clone -q repository clone && ls clone | wc -l && rm -rf clone"),
    workload("500 small checks", "cd /scratch && perl checks.pl"),
    workload(
        "npm install",
        "cd /scratch/app && rm -rf node_modules && \
         npm install --silent --offline --no-audit --no-fund --install-links && ls node_modules | wc -l",
    ),
    workload(
        "sqlite, 1000 inserts",
        "cd /scratch && rm -f db && sqlite3 db < inserts.sql && sqlite3 db 'select count(*) from t'",
    ),
    workload(
        PGBENCH,
        "PATH=$(echo /usr/lib/postgresql/*/bin):$PATH && cd /scratch && \
         pg_ctl -D cluster -s -w -o '-k /scratch -h \"\"' -l log start && \
         pgbench -h /scratch -n -t 500 -c 2 postgres 2> /dev/null | grep processed; \
         pg_ctl -D cluster -s -w stop",
    ),
    workload("make -j2", "cd /scratch/project && make clean >/dev/null && make -s -j2 && ./calc '6 * 7'"),
];

/// Parses the lines `NAME NANOSECONDS` that `benches/calls.c` prints.
pub(super) fn calls(printed: &[u8]) -> Vec<(&str, f64)> {
    let text = std::str::from_utf8(printed).unwrap_or("");
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(name, ns)| Some((name, ns.parse().ok()?)))
        .collect()
}
