/// Splits the prompts of a step into generate jobs.
///
/// A job is some prompts with all their samples, or a range of the samples of one prompt where all of them do not fit into
/// one message. The split depends on the run and its data alone, and no answer depends on the split.
package struct JobPlan: Sendable {
    /// Most bytes of a job with its answers and their scores: a message (1 MiB) less what stands around them.
    package static let largestJob = (1 << 20) - (16 << 10)
    /// Of a token of an answer: id, mask, log-probability, version, the reference's log-probability, and 7 bytes of text.
    /// Texts of 4 to 5 bytes a token are usual.
    package static let bytesPerToken = 24
    /// Numbers and headers of an answer.
    private static let bytesPerAnswer = 128

    private let samplesPerPrompt: Int
    private let promptsPerJob: Int
    private let samplesPerJob: Int
    private let maxNewTokens: Int

    /// - Parameters:
    ///   - promptsPerJob: at most so many; fewer where they would not fit into a message.
    ///   - samplesPerJob: at most so many samples of one prompt; nil: as many as fit.
    package init(samplesPerPrompt: Int, promptsPerJob: Int, samplesPerJob: Int?, maxNewTokens: Int) {
        self.samplesPerPrompt = max(1, samplesPerPrompt)
        self.promptsPerJob = max(1, promptsPerJob)
        self.samplesPerJob = max(1, min(samplesPerJob ?? samplesPerPrompt, samplesPerPrompt))
        self.maxNewTokens = maxNewTokens
    }

    /// Prompts, and which samples of each.
    package struct Part: Sendable, Hashable {
        package var prompts: [Prompt]
        package var samples: Range<Int>
    }

    /// The jobs of a step in order.
    package func parts(_ prompts: [Prompt]) -> [Part] {
        var parts: [Part] = []
        var open: [Prompt] = []
        var bytes = 0
        func close() {
            if !open.isEmpty { parts.append(Part(prompts: open, samples: 0..<samplesPerPrompt)) }
            (open, bytes) = ([], 0)
        }
        for prompt in prompts {
            let whole = Self.bytes(of: prompt, samples: samplesPerPrompt, maxNewTokens: maxNewTokens)
            guard whole <= Self.largestJob, samplesPerJob >= samplesPerPrompt else {
                close()
                parts += ranges(of: prompt).map { Part(prompts: [prompt], samples: $0) }
                continue
            }
            if open.count >= promptsPerJob || bytes + whole > Self.largestJob { close() }
            open.append(prompt)
            bytes += whole
        }
        close()
        return parts
    }

    /// Ranges of nearly the same length.
    private func ranges(of prompt: Prompt) -> [Range<Int>] {
        let one = Self.bytes(of: prompt, samples: 1, maxNewTokens: maxNewTokens) - prompt.data.size
        let fitting = min(samplesPerJob, max(1, (Self.largestJob - prompt.data.size) / max(1, one)))
        let count = (samplesPerPrompt + fitting - 1) / fitting
        return (0..<count).map { samplesPerPrompt * $0 / count..<samplesPerPrompt * ($0 + 1) / count }
    }

    /// Bytes of so many of the longest answers to a prompt, with the prompt's data.
    package static func bytes(of prompt: Prompt, samples: Int, maxNewTokens: Int) -> Int {
        let answer =
            4 * prompt.tokens.count + prompt.text.utf8.count + bytesPerToken * maxNewTokens + bytesPerAnswer
        return prompt.data.size + samples * answer
    }

    /// Bytes that answers take in the largest message they go into, which also has the reference and the prompts' data.
    package static func bytes(of answers: [Trajectory]) -> Int {
        answers.reduce(0) {
            $0 + 4 * $1.promptTokens.count + 17 * $1.responseTokens.count + $1.promptText.utf8.count
                + $1.responseText.utf8.count + bytesPerAnswer
        }
    }
}
