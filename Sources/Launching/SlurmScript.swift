/// The pieces of a batch script. What each line is for stands in the script, for those who read it on the cluster.
enum SlurmScript {
    static func settings(skein: String, logs: String, giveUpAfter: Int) -> String {
        """
        # Written by `skein launch slurm`; the same command with --dry-run shows it. Edit a copy: the next launch writes it anew.
        set -u
        skein=\(skein)
        logs=\(logs)
        # Seconds without a coordinator after which a worker ends; 0: never, the job ends it.
        give_up_after=\(giveUpAfter)
        mkdir -p "$logs"

        # srun no longer takes this over from sbatch by itself.
        unset SLURM_CPUS_PER_TASK
        # Steps share the job's memory, and each keeps to its own processors. One log a process, across restarts.
        step=(srun --exact --mem=0 --unbuffered --open-mode=append --input=none)

        # The batch shell waits in the background of its steps, so that signals arrive: a shell that waits for a program in
        # the foreground handles none before the program has ended.
        asked=
        ask() {
            asked=yes
            echo "$(date +%FT%T) asked to end: the steps are told"
            # To the tasks and not to srun, which would kill them.
            scancel --signal=TERM "$SLURM_JOB_ID"
        }
        trap ask TERM USR1
        # Waits for one process, however many signals come meanwhile.
        wait_for() {
            while wait "$1"; kill -0 "$1" 2>/dev/null; do :; done
            wait "$1"
        }
        workers=()


        """
    }

    /// Ports of the job's own, below the range from which the kernel gives ports to connections.
    static let address = """
        host=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
        port=$((20000 + SLURM_JOB_ID % 6000))
        status_port=$((port + 6000))
        # Nobody waits for a file or sleeps: workers try this address until the coordinator answers there.
        export SKEIN_COORDINATOR=tcp://$host:$port


        """

    static func head(_ words: String, threads: Int) -> String {
        """
        # Stages, coordinator, learner, evaluation and report: what there is one of. The same command resumes.
        "${step[@]}" --job-name=head --nodes=1 --ntasks=1 --nodelist="$host" --cpus-per-task=\(threads) \\
            --kill-on-bad-exit=1 --output="$logs/head.log" \\
            "$skein" run \(words) \\
            --head --bind "tcp://0.0.0.0:$port" --advertise "$host" --set "coordinator.status=0.0.0.0:$status_port" &
        head=$!


        """
    }

    static func workers(role: String, count: Int, threads: Int, key: String) -> String {
        """
        # One that dies costs no other: the coordinator gives its jobs to those that are left.
        "${step[@]}" --job-name=\(role) --ntasks=\(count) --cpus-per-task=\(threads) --kill-on-bad-exit=0 \\
            --output="$logs/\(role)-%j-%t.log" \\
            bash -c 'exec "$0" "$@" --name "slurm-\(role).$SLURM_JOB_ID.$SLURM_PROCID"' \\
            "$skein" \(role) --key \(key) --give-up-after "$give_up_after" &
        workers+=($!)


        """
    }

    private static let finish = """
        # Whoever has not left by then is stuck, and the allocation is not kept for it.
        (sleep 20; scancel --signal=TERM "$SLURM_JOB_ID"; sleep 10; kill "${workers[@]}") &
        reaper=$!
        for worker in "${workers[@]}"; do wait_for "$worker"; done
        kill "$reaper" 2>/dev/null

        """

    static let endOfRun =
        """
        wait_for "$head"
        status=$?
        echo "$(date +%FT%T) the run ended with exit code $status"
        """ + "\n" + finish + """
            # Asked to end by the clock or by a preemption, and not by scancel: the job goes on later.
            if [ -n "$asked" ] && [ "$status" -ne 0 ] &&
                scontrol show job "$SLURM_JOB_ID" | grep -q 'JobState=RUNNING'; then
                echo "$(date +%FT%T) requeued"
                scontrol requeue "$SLURM_JOB_ID"
            fi
            # 0: done; 3: done, but the policy is worse; 75: `sbatch` the same script again; 78: change the run file first.
            exit "$status"

            """

    /// Workers leave by themselves when the run is over, or when its coordinator is gone for `give_up_after` seconds.
    static let endOfWorkers = """
        status=0
        for worker in "${workers[@]}"; do
            wait_for "$worker" || status=$?
        done
        exit "$status"

        """
}
