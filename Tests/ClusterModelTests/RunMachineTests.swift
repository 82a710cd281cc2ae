import ClusterModel
import Foundation
import Testing

/// Single rules of the run machine; what they make together is simulated.
@Suite struct RunMachineTests {
    private typealias Bench = RunBench

    /// A peer of another protocol is told so, and admitted to nothing.
    @Test func anotherProtocolIsRefusedByName() throws {
        var bench = try Bench()
        let answers = bench.join(.generator, Bench.generator, min: Wire.version + 1, max: Wire.version + 3)
        guard case .refused(code: "protocol", let text)? = answers.first else {
            Issue.record("not refused: \(answers)")
            return
        }
        #expect(text.contains("\(Wire.version)") && text.contains("\(Wire.version + 3)"))
        #expect(!bench.machine.knows("g"))
    }

    @Test func whoMaySayWhat() throws {
        var bench = try Bench()
        _ = bench.join(.generator, Bench.generator)
        _ = bench.join(.learner, Bench.learner)
        for (peer, message) in [
            (Bench.generator, Message.publish([Bench.policy])), (Bench.generator, .batchRequest(step: 0)),
            (Bench.generator, .alarm(code: "paused", detail: "")), (Bench.learner, .credit(slots: 3)),
            (Bench.learner, .drain),
        ] {
            guard case .refused(code: "role", _)? = bench.say(peer, message).first else {
                Issue.record("\(peer) may say \(message)")
                continue
            }
        }
        guard case .refused(code: "hello", _)? = bench.say(WorkerID(name: "x", incarnation: 3), .credit(slots: 1)).first
        else {
            Issue.record("a stranger is listened to")
            return
        }
    }

    /// Only a whole batch can have made the next version, and only the next version comes next.
    @Test func aCommitIsOfAWholeBatchAndTheNextVersion() throws {
        var bench = try Bench()
        let grants = try bench.begin()
        func isRefused(_ manifest: ArtifactManifest) -> Bool {
            let told = bench.say(Bench.learner, .commit(step: 0, metrics: Data("{}".utf8), manifest), id: 9)
            if case .refused(code: "step", _)? = told.first { return true }
            return false
        }
        #expect(isRefused(Bench.manifest(1)))
        try bench.answer(grants)
        #expect(isRefused(Bench.manifest(2)))
        #expect(!isRefused(Bench.manifest(1)))
    }

    @Test func acknowledgementsAndBatchesWaitForTheDisk() throws {
        var bench = try Bench()
        let grants = try bench.begin()
        try #require(grants.count == 2)
        #expect(bench.say(Bench.learner, .batchRequest(step: 0), id: 9).isEmpty)
        for grant in grants { #expect(bench.say(Bench.generator, try Bench.answer(grant)).isEmpty) }
        let told = bench.sync()
        #expect(told.contains { if case .resultAck(let acks) = $0 { acks.count == 2 } else { false } })
        #expect(told.contains { if case .batchReady(step: 0, jobs: 2) = $0 { true } else { false } })
        // The commit, too, and asked twice it is answered twice, not before.
        let commit = Message.commit(step: 0, metrics: Data("{}".utf8), Bench.manifest(1))
        #expect(bench.say(Bench.learner, commit, id: 10).isEmpty && bench.say(Bench.learner, commit, id: 11).isEmpty)
        let after = bench.sync()
        #expect(after.count { if case .commitAck(step: 0) = $0 { true } else { false } } == 2)
    }

    /// What frees a slot is acknowledged in the turn in which the slot gets its next job: one message says both, to those
    /// that understand it.
    @Test(arguments: [true, false]) func anAcknowledgementTravelsWithTheNextLease(isUnderstood: Bool) throws {
        var bench = try Bench()
        bench.open()
        _ = bench.join(.generator, Bench.generator, takesAcknowledgements: isUnderstood)
        let grants = Bench.leases(bench.say(Bench.generator, .credit(slots: 1)))
        let grant = try #require(grants.first)
        #expect(bench.say(Bench.generator, try Bench.answer(grant)).isEmpty)
        let kinds = bench.sync().map { message in
            switch message {
            case .resultAck(let acks): "\(acks.count) acknowledged"
            case .lease(let grants, let acks): "\(grants.count) leased, \(acks.count) acknowledged"
            default: "?"
            }
        }
        let expected = isUnderstood ? ["1 leased, 1 acknowledged"] : ["1 acknowledged", "1 leased, 0 acknowledged"]
        #expect(kinds == expected)
    }

    @Test func aResultSaysOnlyWhatItsJobAskedFor() throws {
        var bench = try Bench()
        let grant = try #require(try bench.begin().first)
        let told = bench.say(Bench.generator, try Bench.answer(grant, version: 5))
        #expect(told.contains { if case .resultAck(let acks) = $0 { acks.first?.status == .stale } else { false } })
        #expect(!bench.persisted.contains { if case .result = $0 { true } else { false } })
    }

    /// A process that was stopped for longer than any limit has not seen anybody be silent.
    @Test func aCoordinatorThatStoodStillLosesNobody() throws {
        var bench = try Bench()
        _ = try bench.begin()
        _ = bench.say(Bench.learner, .report(WorkerReport(state: "wait")))
        bench.time += 60_000
        let effects = bench.handle(.tick)
        #expect(effects.messages.isEmpty)
        let states = bench.machine.snapshot(at: bench.time).workerList.map(\.state)
        #expect(states == ["busy", "ready"])
    }

    /// Its last lease ran out while it pulsed: it gets no other until it shows that it works.
    @Test func aWorkerThatHangsGetsNoJobs() throws {
        var bench = try Bench()
        let grants = try bench.begin()
        for _ in 0..<60 {
            _ = bench.pass(100)
            _ = bench.say(Bench.generator, .report(WorkerReport(state: "busy")))
            _ = bench.say(Bench.learner, .report(WorkerReport(state: "wait")))
        }
        #expect(bench.machine.snapshot(at: bench.time).queue["generate"]?.pending == 2)
        let late = bench.say(Bench.generator, try Bench.answer(grants[0]))
        #expect(late.contains { if case .lease(let grants, _) = $0 { grants.count == 1 } else { false } })
    }

    @Test func aFullJournalEndsTheRunAndAcknowledgesNothing() throws {
        var bench = try Bench()
        let grant = try #require(try bench.begin().first)
        _ = bench.say(Bench.generator, try Bench.answer(grant))
        let told = bench.handle(.failed(RunEnding("no space is left"))).messages
        #expect(
            told.allSatisfy { if case .stop(let reason, exitCode: 1) = $0 { reason.contains("space") } else { false } })
        #expect(told.count == 2)
        let effects = bench.pass(6_000)
        #expect(effects.contains { if case .end(let ending?) = $0 { ending.exitCode == 1 } else { false } })
    }

    /// The export takes as long as it takes; a learner that goes without it is waited for.
    @Test func aRunIsDoneWhenThePolicyIsExported() throws {
        var recovered = RecoveredRun()
        recovered.committedSteps = 2
        recovered.manifests = [Bench.policy]
        var bench = try Bench(recovered: recovered)
        _ = bench.join(.learner, Bench.learner)
        _ = bench.say(Bench.learner, .publish([Bench.policy]))
        for _ in 0..<3_000 {
            _ = bench.pass(100)
            _ = bench.say(Bench.learner, .report(WorkerReport(state: "export")))
        }
        #expect(bench.machine.state == .done && !bench.machine.isOver)
        _ = bench.say(Bench.learner, .bye(reason: "out of memory"))
        _ = bench.pass(1_000)
        #expect(!bench.machine.isOver)
        let second = WorkerID(name: "l", incarnation: 2)
        _ = bench.join(.learner, second)
        _ = bench.say(second, .bye(reason: Message.finished))
        let effects = bench.pass(200)
        #expect(effects.contains { if case .end(nil) = $0 { true } else { false } })
    }

    /// A coordinator that was started again while the learner exported hears of the end from it, by its commit or its BYE.
    @Test(arguments: [true, false]) func theEndIsHeardOfAfterARestart(byCommit: Bool) throws {
        var recovered = RecoveredRun()
        recovered.committedSteps = 2
        recovered.manifests = [Bench.policy]
        var bench = try Bench(recovered: recovered)
        _ = bench.join(.learner, Bench.learner)
        if byCommit {
            _ = bench.say(Bench.learner, .commit(step: 1, metrics: Data("{}".utf8), Bench.manifest(2)), id: 3)
            #expect(bench.machine.state == .done)
        }
        _ = bench.say(Bench.learner, .bye(reason: Message.finished))
        #expect(bench.machine.state == .done)
        let effects = bench.pass(200)
        #expect(effects.contains { if case .end(nil) = $0 { true } else { false } })
    }

    /// A bit that flipped on the learner's disk is not trained on.
    @Test func aPolicyThatHasChangedOnDiskEndsTheRun() throws {
        var bench = try Bench()
        try bench.answer(try bench.begin())
        func manifest(weights: String, configuration: String) -> ArtifactManifest {
            var manifest = Bench.manifest(1)
            manifest.files = [("adapter_config.json", configuration), ("adapter_model.safetensors", weights)].map {
                ArtifactFile(name: $0.0, size: 1, sha256: $0.1, chunkSize: 1)
            }
            return manifest
        }
        _ = bench.say(
            Bench.learner, .commit(step: 0, metrics: Data(), manifest(weights: "w", configuration: "c")))
        _ = bench.sync()
        // What was committed may be published again, with another path of its base too.
        _ = bench.say(Bench.learner, .publish([Bench.policy, manifest(weights: "w", configuration: "moved")]))
        _ = bench.sync()
        #expect(bench.machine.state == .running)
        let changed = manifest(weights: "another", configuration: "c")
        let told = bench.say(Bench.learner, .publish([Bench.policy, changed]))
        #expect(
            told.contains { if case .stop(let why, 78) = $0 { why.contains("step 1 is not the one") } else { false } })
        #expect(bench.machine.state == .failed)
    }

    /// A learner whose checkpoint is ahead of the journal cannot go on, and is not started three times to find that out.
    @Test func aJournalThatIsBehindTheCheckpointEndsTheRun() throws {
        var bench = try Bench()
        bench.open()
        let told = bench.say(Bench.learner, .commit(step: 1, metrics: Data(), Bench.manifest(2)))
        #expect(told.contains { if case .stop(let why, 78) = $0 { why.contains("only 0 steps") } else { false } })
    }

    /// Two processes of one name: the earlier one, which has been silent, is refused from then on, and says why.
    @Test func anEarlierProcessOfTheSameNameIsRefused() throws {
        var bench = try Bench()
        _ = bench.join(.generator, Bench.generator)
        _ = bench.takeOver(.generator, WorkerID(name: "g", incarnation: 2))
        guard case .refused(code: "replaced", let text)? = bench.join(.generator, Bench.generator).first else {
            Issue.record("both may stay")
            return
        }
        #expect(text.contains("name of its own"))
    }

    /// Only versions that an open step may name are announced, however long the run is.
    @Test func welcomeDoesNotGrowWithTheRun() throws {
        var settings = Bench.settings()
        settings.steps = 2_000
        var recovered = RecoveredRun()
        recovered.committedSteps = 1_000
        recovered.manifests = (0...1_000).map(Bench.manifest)
        var bench = try Bench(settings, recovered: recovered)
        guard case .welcome(let welcome)? = bench.join(.generator, Bench.generator).first else {
            Issue.record("no WELCOME")
            return
        }
        #expect(welcome.artifacts.map(\.version.number) == [0, 1_000])
        #expect(bench.persisted.contains { if case .retired(below: 1_000) = $0 { true } else { false } })
    }

    @Test func aPauseSurvivesARestart() throws {
        var recovered = RecoveredRun()
        recovered.meta = ["paused": "true"]
        recovered.manifests = [Bench.policy]
        var bench = try Bench(recovered: recovered)
        #expect(bench.machine.state == .paused)
        _ = bench.handle(.wish(.pause(false)))
        #expect(bench.machine.state == .running)
    }

    /// With a lag, the step behind has met the same reward that is down.
    @Test func whatWasScoredInVainIsFoundInEveryStep() {
        func assembly(_ values: [Float?]) -> StepAssembly {
            var assembly = StepAssembly(step: 4, jobs: [], parts: 2)
            assembly.add(Scores(rewards: ["r": values]), of: 0, part: 1)
            return assembly
        }
        #expect(assembly([nil, nil]).scoredInVain(["r"]) == [JobID(step: 4, index: 0, kind: .score, part: 1)])
        #expect(assembly([nil, 1]).scoredInVain(["r"]).isEmpty)
        #expect(assembly([nil, nil]).scoredInVain(["other"]).isEmpty)
    }

    /// A value that is no number costs its answer alone, whoever sent it.
    @Test func aScoreThatIsNoNumberIsNone() {
        var assembly = StepAssembly(
            step: 0,
            jobs: [
                GenerateJob(
                    id: JobID(step: 0, index: 0, kind: .generate), version: PolicyVersion(epoch: 1, number: 0), seed: 1,
                    samples: 0..<1, sampling: SamplingParameters(maxNewTokens: 1), prompts: [])
            ], parts: 1)
        let long = String(repeating: "x", count: 100_000)
        assembly.add(
            Scores(rewards: ["r": [1, .nan, -.infinity]], errors: Array(repeating: long, count: 500)), of: 0, part: 0)
        let merged = assembly.mergedScores(of: 0)
        #expect(merged.rewards["r"] == [1, nil, nil])
        #expect(merged.errors.reduce(0) { $0 + $1.utf8.count } < 10_000)
        #expect(merged.errors.contains { $0.contains("2 of 3") })
    }

    /// Else the time of the first step is missing in the sum, and of the first one after every start.
    @Test func theFirstStepOfAProcessHasItsTime() throws {
        var bench = try Bench()
        let grants = try bench.begin()
        _ = bench.pass(1_500)
        try bench.answer(grants)
        let commit = Message.commit(step: 0, metrics: Data("{}".utf8), Bench.manifest(1))
        _ = bench.say(Bench.learner, commit, id: 10)
        let effects = try bench.handle(.durable(#require(bench.newest)))
        let records = effects.compactMap { if case .record(let record) = $0 { record } else { nil } }
        #expect(records.map { $0.figures["timing_s/total"] } == [1.5])
    }

    /// The operator's pause stays; that of a limit ends with the limit.
    @Test(
        arguments: [
            ("4.0", 4, ClusterSnapshot.RunState.paused), ("4.0", 8, .running), ("4.0", nil, .running), ("", 8, .paused),
        ] as [(String, Double?, ClusterSnapshot.RunState)])
    func aPauseOfTheKLLimitEndsWhenTheLimitChanges(
        _ over: String, _ limit: Double?, _ state: ClusterSnapshot.RunState
    ) throws {
        var recovered = RecoveredRun()
        recovered.meta = ["paused": "true", "paused_over": over]
        var settings = Bench.settings()
        settings.klStop = limit
        var bench = try Bench(settings, recovered: recovered)
        _ = try bench.begin()
        #expect(bench.machine.state == state)
    }

    @Test func theLimitThatPausedIsKept() throws {
        var settings = Bench.settings()
        settings.klStop = 4
        var bench = try Bench(settings)
        _ = try bench.begin()
        _ = bench.say(Bench.learner, .alarm(code: "paused", detail: "d"))
        #expect(bench.machine.state == .paused)
        let kept = bench.persisted.compactMap { if case .meta("paused_over", let value) = $0 { value } else { nil } }
        #expect(kept == ["4.0"])
    }

    /// An alarm that goes on is raised in each step; one that is not raised any more is over.
    @Test func anAlarmThatIsNotRaisedAnyMoreIsPast() throws {
        var settings = Bench.settings()
        settings.steps = 20
        var bench = try Bench(settings)
        var grants = try bench.begin()
        var past: [[Bool]] = []
        for step in 0..<8 {
            _ = bench.say(Bench.learner, .alarm(code: "goes_on", detail: "d"))
            if step == 1 { _ = bench.say(Bench.learner, .alarm(code: "once", detail: "d")) }
            try bench.answer(grants)
            let commit = Message.commit(step: step, metrics: Data("{}".utf8), Bench.manifest(step + 1))
            #expect(bench.say(Bench.learner, commit, id: 9).isEmpty)
            grants = Bench.leases(bench.sync())
            let alarms = bench.machine.snapshot(at: bench.time).alarms
            past.append(["goes_on", "once"].compactMap { code in alarms.first { $0.code == code }?.isPast })
        }
        #expect(past == [[false]] + Array(repeating: [false, false], count: 5) + [[false, true], [false, true]])
    }

    /// While nobody works, nobody knows when the run ends; and who waits for what is said.
    @Test func onlyARunThatMovesHasAnEnd() throws {
        var settings = Bench.settings()
        settings.steps = 20
        settings.runDirectory = "runs/x"
        settings.program = "bin/skein"
        var bench = try Bench(settings)
        var grants = try bench.begin()
        for step in 0..<3 {
            _ = bench.pass(200)
            try bench.answer(grants)
            _ = bench.say(
                Bench.learner, .commit(step: step, metrics: Data("{}".utf8), Bench.manifest(step + 1)), id: 9)
            grants = Bench.leases(bench.sync())
        }
        func look() -> (eta: Double?, waits: [String]) {
            var machine = bench.machine
            let snapshot = machine.snapshot(at: bench.time)
            return (snapshot.etaS, snapshot.waits.map { "\($0.who) for \($0.what): \($0.remedy ?? "")" })
        }
        _ = bench.say(Bench.learner, .batchRequest(step: 3), id: 5)
        #expect(look().eta != nil)
        _ = bench.handle(.wish(.pause(true)))
        #expect(look().eta == nil)
        let paused = "run for its operator, because it is paused: go on with: bin/skein resume --run runs/x"
        #expect(look().waits.contains(paused), "\(look().waits)")
        _ = bench.handle(.wish(.pause(false)))
        #expect(look().eta != nil && !look().waits.contains(paused))
        // The only generator leaves.
        _ = bench.say(Bench.generator, .bye(reason: "drained"))
        _ = bench.pass(100)
        #expect(look().eta == nil)
        #expect(
            look().waits.contains("run for a generator: start one with: bin/skein generator --coordinator "),
            "\(look().waits)")
    }

    /// Of what scorers say, only words on a reward that answers must have tell why they were dropped.
    @Test func theCauseOfADropIsThatOfANeededReward() {
        func assembly(_ scores: Scores...) -> StepAssembly {
            let id = JobID(step: 0, index: 0, kind: .generate)
            let job = GenerateJob(
                id: id, version: PolicyVersion(epoch: 1, number: 0), seed: 1, samples: 0..<1,
                sampling: SamplingParameters(maxNewTokens: 1), prompts: [])
            var assembly = StepAssembly(step: 0, jobs: [job], parts: scores.count)
            let answer = Trajectory(
                row: 0, sample: 0, promptTokens: [1], responseTokens: [2], mask: [1], logProbabilities: [0],
                versions: [0], finish: .eos, promptText: "p", responseText: "r")
            assembly.add([answer], of: 0)
            for (part, one) in scores.enumerated() { assembly.add(one, of: 0, part: part) }
            return assembly
        }
        let both = assembly(
            Scores(
                rewards: ["needed": [nil], "shown": [nil]],
                errors: [
                    "reward needed failed for 1 of 1 answers", "reward needed: its cause", "reward shown: another",
                ]))
        #expect(both.cause(["needed"]) == "reward needed: its cause")
        #expect(both.withoutReward(["needed"])?.reason.hasSuffix("reward needed: its cause") == true)
        let worker = assembly(
            Scores(rewards: ["needed": [nil]], errors: ["row 3: boom"]),
            Scores(rewards: ["shown": [nil]], errors: ["reward shown: another"]))
        #expect(worker.cause(["needed"]) == "row 3: boom")
        #expect(worker.cause([]) == "reward shown: another")
        #expect(worker.withoutReward(["needed"])?.reason.hasSuffix("row 3: boom") == true)
    }
}

extension [RunEffect] {
    var messages: [Message] {
        flatMap { effect -> [Message] in
            guard case .send(let outgoing) = effect else { return [] }
            return outgoing.map(\.message)
        }
    }
}
