/// One reward of a run. The score of an answer is the sum of its rewards times their weights.
package struct RewardSection: ConfigurationSection, Equatable {
    /// Unique in the run. Filled in from the kind when the file names none.
    package var name = ""
    package var weight = 1.0
    package var kind = RewardKind.model(ModelKeys())

    package init() {}

    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        var word = kind.word
        keys.value(
            "kind", &word, "What computes it. worker: a process of your own that joins the run, under this name.")
        if word != kind.word { kind = RewardKind(word) }
        keys.value("name", &name, "Its name in metrics; default: the kind.")
        keys.value("weight", &weight, .within(-1000...1000), "Its share in the score; 0: reported, never trained on.")
        switch kind {
        case .model(var rule):
            rule.visit(&keys)
            kind = .model(rule)
        case .length(var rule):
            rule.visit(&keys)
            kind = .length(rule)
        case .regex(var rule):
            rule.visit(&keys)
            kind = .regex(rule)
        case .keyword(var rule):
            rule.visit(&keys)
            kind = .keyword(rule)
        case .math(var rule):
            rule.visit(&keys)
            kind = .math(rule)
        case .command(var rule):
            rule.visit(&keys)
            kind = .command(rule)
        case .worker(var rule):
            rule.visit(&keys)
            kind = .worker(rule)
        case .http(var rule):
            rule.visit(&keys)
            kind = .http(rule)
        case .swift(var rule):
            rule.visit(&keys)
            kind = .swift(rule)
        case .gold: break
        }
    }
}

/// What computes a reward, with the keys that only this kind has.
package enum RewardKind: Sendable, Equatable {
    case model(ModelKeys)
    case length(LengthKeys)
    case regex(RegexKeys)
    case keyword(KeywordKeys)
    case math(MathKeys)
    case command(CommandKeys)
    case worker(WorkerKeys)
    case http(HTTPKeys)
    /// Registered in `SwiftRewards`.
    case swift(SwiftKeys)
    /// The measure of the quickstart's corpus, for `evaluation.rewards` alone.
    case gold

    enum Word: String, CaseIterable, ChoiceValue {
        case model, length, regex, keyword, math, command, worker, http, swift, gold
    }

    init(_ word: Word) {
        switch word {
        case .model: self = .model(ModelKeys())
        case .length: self = .length(LengthKeys())
        case .regex: self = .regex(RegexKeys())
        case .keyword: self = .keyword(KeywordKeys())
        case .math: self = .math(MathKeys())
        case .command: self = .command(CommandKeys())
        case .worker: self = .worker(WorkerKeys())
        case .http: self = .http(HTTPKeys())
        case .swift: self = .swift(SwiftKeys())
        case .gold: self = .gold
        }
    }

    var word: Word {
        switch self {
        case .model: .model
        case .length: .length
        case .regex: .regex
        case .keyword: .keyword
        case .math: .math
        case .command: .command
        case .worker: .worker
        case .http: .http
        case .swift: .swift
        case .gold: .gold
        }
    }
}

/// Keys of a reward of kind `model`.
package struct ModelKeys: ConfigurationSection, Equatable {
    /// Directory of the reward model. Filled in from `models.reward`.
    package var path: String?
    /// Whether the model reads texts in tokens of its own in place of the ids that the policy sampled. Not a key: found
    /// out by the coordinator, once, from the two tokenizers.
    package var encodesAgain = false
    /// Whether prompts are conversations: then its chat template is used too.
    package var usesTemplate = false

    package init() {}

    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.optional("path", &path, "Directory of its reward model; default: models.reward.", changes: .place)
    }
}

extension RewardSection {
    /// Keys of a reward of kind `model`; nil for every other.
    package var model: ModelKeys? {
        get { if case .model(let keys) = kind { keys } else { nil } }
        set { if let newValue { kind = .model(newValue) } }
    }

    /// How it gets prompt and answer as one text.
    package var text: HTTPKeys.Text { if case .http(let keys) = kind { keys.text } else { .joined } }
}

extension HTTPKeys.Text {
    /// - Parameter isRendered: whether a chat template made the prompt.
    package func isSequence(isRendered: Bool) -> Bool { self == .sequence || self == .auto && isRendered }
}

/// Keys of a reward of kind `length`: -perToken for each token of distance to the target, or outside the bounds.
package struct LengthKeys: ConfigurationSection, Equatable {
    package var target: Int?
    package var minimum: Int?
    package var maximum: Int?
    package var perToken = 0.05

    package init() {}

    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.optional("target", &target, .atLeast(0), "Length in tokens that is punished least.")
        keys.optional("minimum", &minimum, .atLeast(0), "Shorter answers are punished.")
        keys.optional("maximum", &maximum, .atLeast(0), "Longer answers are punished.")
        keys.value("per_token", &perToken, .within(0...1000), "Punishment for each token too many or too few.")
    }
}

/// Keys of a reward of kind `regex`.
package struct RegexKeys: ConfigurationSection, Equatable {
    package var pattern = ""
    package var matchScore = 1.0
    package var missScore = 0.0

    package init() {}

    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.value(
            "pattern", &pattern, .notEmpty,
            "Regular expression in the syntax of Python's re, looked for anywhere in the answer.")
        keys.value("match_score", &matchScore, "Score of an answer in which it is found.")
        keys.value("miss_score", &missScore, "Score of an answer in which it is not.")
    }
}

/// Keys of a reward of kind `keyword`.
package struct KeywordKeys: ConfigurationSection, Equatable {
    package var words: [String] = []
    package var scoreEach = 1.0
    package var maximum: Double? = 1.0
    package var caseSensitive = false

    package init() {}

    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.list("words", &words, .atLeastOne(), "Words or phrases; each counts once.")
        keys.value("score_each", &scoreEach, "Score for each that is found.")
        keys.optional("maximum", &maximum, "The sum goes no further from 0 than this.")
        keys.value("case_sensitive", &caseSensitive, "Whether capitals matter.")
    }
}

/// Keys of a reward of kind `math`: whether the answer's result equals the one that the prompt's line holds.
package struct MathKeys: ConfigurationSection, Equatable {
    package var answerKey = "answer"
    package var matchScore = 1.0
    package var missScore = 0.0

    package init() {}

    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.value("answer_key", &answerKey, .notEmpty, "Column of the prompts' lines that holds the right result.")
        keys.value("match_score", &matchScore, "Score of an answer whose last boxed or stated result equals it.")
        keys.value("miss_score", &missScore, "Score of every other answer.")
    }
}

/// Keys of a reward of kind `command`.
package struct CommandKeys: ConfigurationSection, Equatable {
    package var argv: [String] = []
    package var timeout = 30.0
    package var retries = 2

    package init() {}

    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        // A program that could not be started is mended by naming another one.
        keys.list(
            "argv", &argv, .atLeastOne(),
            #"Program and arguments; reads {"prompt","response","extra"} a line, answers {"score"}."#,
            changes: .nextStep)
        keys.value(
            "timeout_s", &timeout, .within(0.01...86400),
            "Seconds without an answer, reading its input included, after which the program counts as hung.",
            changes: .free)
        keys.value(
            "retries", &retries, .within(0...100),
            "Attempts after the first, one answer at a time, before an answer counts as failed.", changes: .free)
    }
}

/// Keys of a reward of kind `worker`.
package struct WorkerKeys: ConfigurationSection, Equatable {
    package init() {}

    // A worker that makes no progress loses its lease: coordinator.lease_s and coordinator.retries hold for it too.
    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {}
}
