import Torch

extension CausalLM {
    /// Answers to a fixed set of prompts.
    ///
    /// The result is a function of weights, requests, options, seed and step alone: the random number of each token is
    /// keyed by (seed, step, row, occurrence, sample, position). In fp32 on the CPU no answer depends on those beside it either;
    /// elsewhere all are one batch, whose shape shows in the last bits.
    ///
    /// - Parameters:
    ///   - decode: token ids -> text, needed for `options.stop` only.
    ///   - onStep: called after each step; what it throws ends the generation.
    /// - Returns: answers in the order of the requests, then of their samples.
    package func generate(
        _ requests: [GenerationRequest], _ options: SamplingOptions, seed: UInt64, step: Int,
        decode: (([Int32]) -> String)? = nil, onStep: ((GenerationProgress) throws -> Void)? = nil
    ) throws -> [GeneratedSequence] {
        try noGrad {
            var generation = try Generation(
                configuration, requests, options, seed: seed, step: step, decode: decode, onStep: onStep)
            if let decoder = try decoders.decoder(self) { return try generation.run(decoder) }
            guard trunk.arithmetic == .fast else {
                throw LanguageModelError(
                    .argument,
                    "exact arithmetic generates from fp32 weights on the CPU")
            }
            return try generation.run(self)
        }
    }
}

/// One call of `generate`: what is asked, and the answers so far.
struct Generation {
    private let requests: [GenerationRequest]
    private let options: SamplingOptions
    private let decode: (([Int32]) -> String)?
    private let onStep: ((GenerationProgress) throws -> Void)?
    private let sampler: Sampler
    private let ends: Set<Int32>
    private var answers: [Answer]

    /// - Throws: when what is asked cannot be.
    init(
        _ configuration: ModelConfiguration, _ requests: [GenerationRequest], _ options: SamplingOptions, seed: UInt64,
        step: Int, decode: (([Int32]) -> String)?, onStep: ((GenerationProgress) throws -> Void)?
    ) throws {
        try options.validate()
        guard options.stop.isEmpty || decode != nil else {
            throw LanguageModelError(.argument, "stop sequences need a tokenizer to decode with")
        }
        for (index, request) in requests.enumerated() {
            guard !request.tokens.isEmpty else {
                throw LanguageModelError(.argument, "prompt \(index) (row \(request.row)) has no tokens")
            }
            guard request.tokens.count < configuration.contextLength else {
                throw LanguageModelError(
                    .argument,
                    "prompt \(index) (row \(request.row)) has \(request.tokens.count) tokens, which leaves no room in the "
                        + "context of \(configuration.contextLength)")
            }
        }
        try configuration.checkTokens(requests.map(\.tokens))
        self.requests = requests
        self.options = options
        self.decode = decode
        self.onStep = onStep
        sampler = Sampler(options: options)
        ends = Set(options.endTokens)
        answers = requests.enumerated().flatMap { index, request in
            request.samples.map { sample in
                Answer(
                    request: index, row: request.row, sample: sample,
                    key: RandomKey(
                        seed: seed, step: step, row: request.row, occurrence: request.occurrence, sample: sample),
                    limit: min(options.maxNewTokens, configuration.contextLength - request.tokens.count))
            }
        }
    }

    /// By the fused decoder: at most ``SamplingOptions/rowsInFlight`` answers at a time, in their order.
    mutating func run(_ decoder: FusedDecoder) throws -> [GeneratedSequence] {
        guard !answers.isEmpty else { return [] }
        let capacity = answers.map { requests[$0.request].tokens.count + $0.limit }.max() ?? 0
        let batch = try ContinuousBatch(
            decoder, slots: min(answers.count, options.rowsInFlight), capacity: capacity)
        var next = 0
        while true {
            while next < answers.count, batch.freeSlots > 0 {
                let request = answers[next].request
                let group = (next..<answers.count).prefix(batch.freeSlots).prefix { answers[$0].request == request }
                try batch.admit(requests[request].tokens, answers: Array(group))
                next += group.count
            }
            if batch.isEmpty { break }
            let (logits, owners) = try batch.step()
            // A prompt that is read is progress as well.
            if !owners.isEmpty {
                let drawn = try draw(logits, owners)
                let ended = Set(owners.filter { answers[$0].finish != nil })
                batch.goOn(Dictionary(uniqueKeysWithValues: zip(owners, drawn)), ended: ended)
            }
            try report()
        }
        return answers.map(\.sequence)
    }

    /// By the plain forward pass, all in one batch.
    mutating func run(_ model: CausalLM) throws -> [GeneratedSequence] {
        let asked = requests.filter { !$0.samples.isEmpty }
        guard !asked.isEmpty else { return [] }
        let session = try PlainDecodeSession(
            model, prompts: asked.map(\.tokens), copies: asked.map(\.samples.count),
            newTokens: answers.map(\.limit).max() ?? 1)
        /// Which answer each row of the session belongs to.
        var rows = Array(answers.indices)
        var logits = try session.start()
        while true {
            var tokens = try draw(logits, rows)
            let active = rows.indices.filter { answers[rows[$0]].finish == nil }
            try report()
            if active.isEmpty { break }
            // A finished row costs a little each step, a smaller batch a copy of the cache.
            if (rows.count - active.count) * 4 >= rows.count {
                try session.keep(active)
                rows = active.map { rows[$0] }
                tokens = active.map { tokens[$0] }
            }
            logits = try session.advance(tokens)
        }
        return answers.map(\.sequence)
    }

    /// A token for each owner of a row of logits, which those that have ended ignore.
    private mutating func draw(_ logits: Tensor, _ owners: [Int]) throws -> [Int32] {
        let uniforms = owners.map { answers[$0].key.uniform(answers[$0].tokens.count) }
        let drawn = try sampler.draw(logits, uniforms: uniforms)
        for (owner, choice) in zip(owners, drawn) where answers[owner].finish == nil {
            answers[owner].tokens.append(choice.token)
            answers[owner].logProbabilities.append(choice.logProbability)
            if ends.contains(choice.token) {
                answers[owner].finish = .eos
            } else if let decode, answers[owner].hasStopped(options.stop, decode) {
                answers[owner].finish = .stop
            } else if answers[owner].tokens.count >= answers[owner].limit {
                answers[owner].finish = .length
            }
        }
        return drawn.map(\.token)
    }

    private func report() throws {
        try onStep?(
            GenerationProgress(
                tokens: answers.reduce(0) { $0 + $1.tokens.count }, active: answers.count { $0.finish == nil }))
    }
}

/// One answer on its way.
private struct Answer {
    let request: Int
    let row: Int
    let sample: Int
    let key: RandomKey
    let limit: Int
    var tokens: [Int32] = []
    var logProbabilities: [Float] = []
    var finish: GeneratedSequence.Finish?

    /// Whether the text of the last tokens holds a stop sequence. A sequence of n bytes lies in the last n tokens, as
    /// each of them has at least one; a few more allow for special tokens without text.
    func hasStopped(_ stops: [String], _ decode: ([Int32]) -> String) -> Bool {
        guard let longest = stops.map(\.utf8.count).max() else { return false }
        let text = decode(Array(tokens.suffix(longest + 8)))
        return stops.contains { !$0.isEmpty && text.contains($0) }
    }

    var sequence: GeneratedSequence {
        GeneratedSequence(
            request: request, row: row, sample: sample, tokens: tokens, logProbabilities: logProbabilities,
            finish: finish ?? .length)
    }
}
