/// A run, or more workers for one, as a Slurm batch script. A value: ``script`` is a function of it, so that `--dry-run`
/// shows exactly what is submitted.
package struct SlurmPlan: Sendable, Equatable {
    package enum Part: Sendable, Equatable {
        /// Stages, coordinator and learner in one step on the first node, workers in one step for each role.
        /// - Parameter keys: directory of the keys that may join.
        case run(file: String, overrides: [String], keys: String)
        /// Workers of a run that is live at this address.
        case workers(coordinator: String)
    }

    package struct Workers: Sendable, Equatable {
        package var role: String
        package var count: Int
        package var threads: Int
        /// File with the key of the role, called `slurm-ROLE`.
        package var key: String

        package init(role: String, count: Int, threads: Int, key: String) {
            self.role = role
            self.count = count
            self.threads = threads
            self.key = key
        }
    }

    package var part: Part
    package var name: String
    /// Absolute paths: of the executable, of the directory in which the command was typed, of the run's logs.
    package var skein: String
    package var directory: String
    package var logs: String
    package var nodes: Int
    package var workers: [Workers]
    /// Threads of the learner. The coordinator beside it needs a part of one more.
    package var headThreads: Int
    /// Seconds before the end of the job's time at which it begins to stop.
    package var notice: Int
    /// Seconds without a coordinator after which a joined worker ends. Those of the run's own job wait through all stages, and
    /// end with the job.
    package var giveUpAfter: Int
    /// Lines for sbatch, such as `--partition=gpu`.
    package var options: [String]

    package init(
        part: Part, name: String, skein: String, directory: String, logs: String, nodes: Int, workers: [Workers],
        headThreads: Int, notice: Int = 180, giveUpAfter: Int = 45, options: [String] = []
    ) {
        self.part = part
        self.name = name
        self.skein = skein
        self.directory = directory
        self.logs = logs
        self.nodes = nodes
        self.workers = workers
        self.headThreads = headThreads
        self.notice = notice
        self.giveUpAfter = giveUpAfter
        self.options = options
    }

    /// Words that sbatch reads line by line, without quotes: none may hold a line break.
    private var lines: [String] { [name, directory, logs] + options }

    /// - Throws: ``LaunchError`` when something cannot stand in a script.
    package func check() throws(LaunchError) {
        for text in lines where text.contains(where: \.isNewline) {
            throw LaunchError("\(text.debugDescription): a line break cannot be handed to sbatch")
        }
        for option in options where !option.hasPrefix("-") {
            throw LaunchError("--sbatch \(option): an option of sbatch begins with a dash, such as --partition=gpu")
        }
        // sbatch takes %u and the like for its own in names of files.
        if logs.contains("%") { throw LaunchError("\(logs): sbatch gives % in a path a meaning; rename the directory") }
        guard (1...10_000).contains(nodes) else { throw LaunchError("--nodes is a number from 1 to 10000") }
        let tasks = workers.reduce(0) { $0 + max(0, $1.count) }
        if case .workers = part, tasks == 0 {
            throw LaunchError("no worker is asked for; give --join generator=N, scorer=N, or both")
        }
    }

    private var isRun: Bool { if case .run = part { true } else { false } }
    private var live: [Workers] { workers.filter { $0.count > 0 } }
    private var tasks: Int { live.reduce(isRun ? 1 : 0) { $0 + $1.count } }
    private var processors: Int { max(isRun ? headThreads + 1 : 1, live.map(\.threads).max() ?? 1) }

    /// The text of the batch script.
    ///
    /// - Parameter quoted: a word for a POSIX shell.
    package func script(quoted: (String) -> String) -> String {
        var text = header
        text += SlurmScript.settings(
            skein: quoted(skein), logs: quoted(logs), giveUpAfter: isRun ? 0 : giveUpAfter)
        switch part {
        case .run(let file, let overrides, let keys):
            let words = ([file] + overrides.flatMap { ["--set", $0] } + ["--keys", keys]).map(quoted)
                .joined(separator: " ")
            text += SlurmScript.address
            text += SlurmScript.head(words, threads: headThreads + 1)
        case .workers(let coordinator):
            text += "export SKEIN_COORDINATOR=\(quoted(coordinator))\nhead=\n\n"
        }
        for group in live {
            text += SlurmScript.workers(
                role: group.role, count: group.count, threads: group.threads, key: quoted(group.key))
        }
        return text + (isRun ? SlurmScript.endOfRun : SlurmScript.endOfWorkers)
    }

    private var header: String {
        var lines = [
            "--job-name=\(name)", "--nodes=\(nodes)", "--ntasks=\(max(tasks, nodes))", "--cpus-per-task=\(processors)",
            "--chdir=\(directory)", "--output=\(logs)/slurm-%j.log", "--open-mode=append",
            "--signal=B:TERM@\(notice)",
        ]
        lines.append(isRun ? "--requeue" : "--no-requeue")
        lines += options
        return "#!/bin/bash\n" + lines.map { "#SBATCH \($0)\n" }.joined()
    }
}
