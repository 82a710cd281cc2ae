import ClusterModel

/// SplitMix64 (Steele, Lea, Flood 2014).
package struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(_ seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}

/// Work whose result is a function of the job, so that anybody can say what a batch must be.
enum Synthetic {
    static let maxNewTokens = 3

    static func settings(_ plan: SimulationPlan, seed: UInt64) -> RunSettings {
        var settings = RunSettings()
        settings.name = "simulated"
        settings.seed = seed
        settings.steps = plan.steps
        settings.prompts = (0..<6).map { Prompt(row: $0, text: "p\($0)", tokens: [Int32($0) + 1]) }
        settings.promptsPerStep = 4
        settings.promptsPerJob = 1
        settings.samplesPerPrompt = 2
        settings.sampling = SamplingParameters(maxNewTokens: maxNewTokens)
        settings.schedule = plan.lag == 0 ? .sync : .lag(plan.lag)
        settings.parts = [RunSettings.ScorePart(reference: true, rewards: ["r"])]
        settings.neededRewards = ["r"]
        settings.leaseMilliseconds = 4_000
        // Longer than any chain of faults of a plan takes a process away: a run that ends because it waited in vain is wrong then.
        settings.graceMilliseconds = 40_000
        settings.planted = plan.planted
        return settings
    }

    /// - Parameter version: of the policy that samples.
    static func answers(_ job: GenerateJob, version: Int) -> [Trajectory] {
        job.prompts.flatMap { prompt in
            job.samples.map { sample in
                var random = SeededRandom(
                    job.seed &+ UInt64(job.id.step) &* 1_000_003 &+ UInt64(prompt.row) &* 10_007
                        &+ UInt64(prompt.occurrence) &* 101 &+ UInt64(sample) &* 7 &+ UInt64(version) &* 65_537)
                let count = 1 + Int(random.next() % UInt64(maxNewTokens))
                let tokens = (0..<count).map { _ in Int32(random.next() % 1000) }
                return Trajectory(
                    row: prompt.row, occurrence: prompt.occurrence, sample: sample, promptTokens: prompt.tokens,
                    responseTokens: tokens, mask: tokens.map { _ in 1 }, logProbabilities: tokens.map { -Float($0) },
                    versions: tokens.map { _ in UInt32(version) }, finish: .eos, promptText: prompt.text,
                    responseText: "")
            }
        }
    }

    static func scores(_ job: ScoreJob) -> Scores {
        Scores(
            referenceLogProbabilities: job.trajectories.map { $0.responseTokens.map { -Float($0) / 2 } },
            rewards: ["r": job.trajectories.map { Float($0.responseTokens.reduce(0, +)) }])
    }

    /// - Parameter digest: of what the version has learned.
    static func manifest(
        _ number: Int, epoch: UInt64, seed: UInt64, digest: UInt64, source: String
    ) -> ArtifactManifest {
        let hash = String(digest, radix: 16)
        let file = ArtifactFile(name: "model.safetensors", size: 1, sha256: hash, chunkSize: 1)
        return ArtifactManifest(
            kind: .policy, version: PolicyVersion(epoch: epoch, number: number), files: [file],
            sha256: "\(seed)-\(hash)", sources: [source])
    }

    static func reference(_ seed: UInt64) -> ArtifactManifest {
        ArtifactManifest(
            kind: .reference, version: PolicyVersion(epoch: 1, number: 0), files: [], sha256: "\(seed)-reference",
            sources: [])
    }

    /// FNV-1a over everything that is learned from.
    static func digest(_ jobs: [BatchJob], after last: UInt64) -> UInt64 {
        var hash = last ^ 0xCBF2_9CE4_8422_2325
        func add(_ value: UInt64) { hash = (hash ^ value) &* 0x0000_0100_0000_01B3 }
        for job in jobs {
            for item in job.trajectories {
                add(UInt64(item.row))
                add(UInt64(item.occurrence))
                add(UInt64(item.sample))
                for token in item.responseTokens { add(UInt64(bitPattern: Int64(token))) }
                for version in item.versions { add(UInt64(version)) }
            }
            for row in job.scores.referenceLogProbabilities { for value in row { add(UInt64(value.bitPattern)) } }
            for (name, values) in job.scores.rewards.sorted(by: { $0.key < $1.key }) {
                add(UInt64(name.utf8.count))
                for value in values { add(UInt64(value?.bitPattern ?? 1)) }
            }
        }
        return hash
    }

    /// What the learner must have learned from after all steps, whatever happened.
    static func expected(_ settings: RunSettings) -> UInt64 {
        let cursor = DatasetCursor(
            rows: settings.prompts.count, promptsPerStep: settings.promptsPerStep, seed: settings.seed)
        var digest: UInt64 = 0
        for step in 0..<settings.steps {
            let version = settings.schedule.version(for: step)
            let jobs = cursor.places(of: step).enumerated().map { index, place in
                var prompt = settings.prompts[place.row]
                prompt.occurrence = place.occurrence
                let id = JobID(step: step, index: index, kind: .generate)
                let job = GenerateJob(
                    id: id, version: PolicyVersion(epoch: 1, number: version), seed: settings.seed,
                    samples: 0..<settings.samplesPerPrompt, sampling: settings.sampling, prompts: [prompt])
                let items = answers(job, version: version)
                let scoring = ScoreJob(id: id, reference: true, rewards: ["r"], temperature: 1, trajectories: items)
                return BatchJob(items, scores(scoring))
            }
            digest = self.digest(jobs, after: digest)
        }
        return digest
    }
}
