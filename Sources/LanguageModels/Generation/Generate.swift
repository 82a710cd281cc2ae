import Torch

extension CausalLM {
    /// Answers to a fixed set of prompts, all in one batch.
    ///
    /// The result is a function of weights, requests, options, seed and step alone: the random number of each token is
    /// keyed by (seed, step, row, sample, position), and finished rows leave the batch by a fixed rule.
    ///
    /// - Parameters:
    ///   - decode: token ids -> text, needed for `options.stop` only.
    ///   - onStep: called after each step; what it throws ends the generation.
    /// - Returns: answers in the order of the requests, then of their samples.
    package func generate(
        _ requests: [GenerationRequest], _ options: SamplingOptions, seed: UInt64, step: Int,
        decode: (([Int32]) -> String)? = nil, onStep: ((GenerationProgress) throws -> Void)? = nil
    ) throws -> [GeneratedSequence] {
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
        try trunk.checkTokens(requests.map(\.tokens))
        let asked = requests.enumerated().filter { !$0.element.samples.isEmpty }
        guard !asked.isEmpty else { return [] }
        return try noGrad {
            let rows = asked.flatMap { index, request in
                request.samples.map { sample in
                    Answer(
                        request: index, row: request.row, sample: sample,
                        key: RandomKey(seed: seed, step: step, row: request.row, sample: sample),
                        limit: min(options.maxNewTokens, configuration.contextLength - request.tokens.count))
                }
            }
            let session = try decodeSession(
                prompts: asked.map(\.element.tokens), copies: asked.map(\.element.samples.count),
                newTokens: options.maxNewTokens)
            return try run(session, rows, options, decode, onStep)
        }
    }

    func decodeSession(prompts: [[Int32]], copies: [Int], newTokens: Int) throws -> any DecodeSession {
        if let decoder = try decoders.decoder(self) {
            return try FusedDecodeSession(self, decoder, prompts: prompts, copies: copies, newTokens: newTokens)
        }
        guard trunk.arithmetic == .fast else {
            throw LanguageModelError(
                .argument, "exact arithmetic generates from fp32 weights on the CPU, with an adapter merged into them")
        }
        return try PlainDecodeSession(self, prompts: prompts, copies: copies, newTokens: newTokens)
    }

    private func run(
        _ session: any DecodeSession, _ started: [Answer], _ options: SamplingOptions,
        _ decode: (([Int32]) -> String)?, _ onStep: ((GenerationProgress) throws -> Void)?
    ) throws -> [GeneratedSequence] {
        var answers = started
        let sampler = Sampler(options: options)
        let ends = Set(options.endTokens)
        /// Which answer each row of the session belongs to.
        var rows = Array(answers.indices)
        var logits = try session.start()
        while true {
            let uniforms = rows.map { answers[$0].key.uniform(answers[$0].tokens.count) }
            let drawn = try sampler.draw(logits, uniforms: uniforms)
            for (row, choice) in zip(rows, drawn) where answers[row].finish == nil {
                answers[row].tokens.append(choice.token)
                answers[row].logProbabilities.append(choice.logProbability)
                if ends.contains(choice.token) {
                    answers[row].finish = .eos
                } else if let decode, answers[row].hasStopped(options.stop, decode) {
                    answers[row].finish = .stop
                } else if answers[row].tokens.count >= answers[row].limit {
                    answers[row].finish = .length
                }
            }
            let active = rows.indices.filter { answers[rows[$0]].finish == nil }
            try onStep?(
                GenerationProgress(tokens: answers.reduce(0) { $0 + $1.tokens.count }, active: active.count))
            if active.isEmpty { break }
            var tokens = drawn.map(\.token)
            // A finished row costs a little each step. Where a smaller batch costs a copy of the cache, a quarter must
            // have finished first.
            if active.count < rows.count, session.keepsForFree || (rows.count - active.count) * 4 >= rows.count {
                try session.keep(active)
                rows = active.map { rows[$0] }
                tokens = active.map { tokens[$0] }
            }
            logits = try session.advance(tokens)
        }
        return answers.map(\.sequence)
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
