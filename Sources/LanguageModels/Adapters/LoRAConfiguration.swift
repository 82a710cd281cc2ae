/// Which linear maps get a low-rank change, and of which size (Hu et al. 2021, "LoRA").
package struct LoRAConfiguration: Sendable, Equatable {
    /// The word for every linear map of the trunk; the head is not part of it.
    package static let allLinear = "all-linear"

    /// r
    package var rank: Int
    /// The change is multiplied by alpha / r.
    package var alpha: Double
    /// Ends of module names, whole parts of them, as PEFT matches; or only ``allLinear``.
    package var targets: [String]
    /// alpha / sqrt(r) in place of alpha / r (Kalajdzievski 2023); read from PEFT's files, never the default.
    package var rankStabilized = false
    /// r and alpha of single modules, by their names, where they are others; read from PEFT's `rank_pattern` and
    /// `alpha_pattern`, never the default.
    package var ranks: [String: Int] = [:]
    package var alphas: [String: Double] = [:]

    package init(rank: Int = 8, alpha: Double = 16, targets: [String] = [allLinear]) {
        self.rank = rank
        self.alpha = alpha
        self.targets = targets
    }

    /// What the changes are multiplied by, but for those of modules with a rank or alpha of their own.
    package var scale: Double { Self.scale(alpha, rank, rankStabilized) }

    private static func scale(_ alpha: Double, _ rank: Int, _ stabilized: Bool) -> Double {
        alpha / (stabilized ? Double(rank).squareRoot() : Double(rank))
    }

    func rank(of module: LinearModule) -> Int { ranks[module.name] ?? rank }

    /// What the change of a module is multiplied by.
    func scale(of module: LinearModule) -> Double {
        Self.scale(alphas[module.name] ?? alpha, rank(of: module), rankStabilized)
    }

    /// The modules that the targets name.
    ///
    /// - Throws: when a target names none; the message says which, and what there is.
    func modules(of model: ModelConfiguration) throws -> [LinearModule] {
        guard rank >= 1, alpha.isFinite else {
            throw LanguageModelError(.argument, "lora: rank \(rank) and alpha \(alpha) cannot be")
        }
        let all = LinearModule.all(model)
        if targets == [Self.allLinear] { return all }
        let unknown = targets.filter { target in !all.contains { $0.matches(target) } }
        guard unknown.isEmpty, !targets.isEmpty else {
            let known = LinearModule.lastParts(all).joined(separator: ", ")
            throw LanguageModelError(
                .argument,
                "lora: no linear map of this \(model.modelType) model is called "
                    + "\(unknown.map { "'\($0)'" }.joined(separator: ", ")); there are \(known), or \(Self.allLinear)")
        }
        return all.filter { module in targets.contains { module.matches($0) } }
    }
}

/// A linear map of a trunk.
struct LinearModule: Equatable {
    /// As in files, without `.weight`: `model.layers.0.self_attn.q_proj`.
    let name: String
    let input: Int
    let output: Int
    /// GPT-2's are stored [in, out].
    let transposed: Bool

    static func all(_ model: ModelConfiguration) -> [LinearModule] {
        (Families.named(model.modelType)?.tensors(model) ?? []).compactMap { tensor in
            guard let layout = tensor.linear, tensor.shape.count == 2 else { return nil }
            let transposed = layout == .inputOutput
            return LinearModule(
                name: String(tensor.name.dropLast(".weight".count)), input: tensor.shape[transposed ? 0 : 1],
                output: tensor.shape[transposed ? 1 : 0], transposed: transposed)
        }
    }

    func matches(_ target: String) -> Bool { name == target || name.hasSuffix(".\(target)") }

    static func lastParts(_ modules: [LinearModule]) -> [String] {
        Set(modules.compactMap { $0.name.split(separator: ".").last.map(String.init) }).sorted()
    }
}
