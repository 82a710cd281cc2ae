/// Low-rank adapters (Hu et al. 2021): they alone are trained, the model they are added to stays as it is.
package struct LoRASection: ConfigurationSection, Equatable {
    package static let allLinear = "all-linear"

    package var rank = 8
    package var alpha = 16.0
    package var targets = [allLinear]

    package init() {}

    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.value("rank", &rank, .within(1...4096), "Width of the change of each linear map.")
        keys.value("alpha", &alpha, .within(0.001...100_000), "The change is multiplied by alpha / rank.")
        keys.list(
            "targets", &targets, .targets,
            "Last parts of the names of linear maps, such as q_proj, c_attn or query_key_value; all-linear: each of them."
        )
    }
}

extension Rule where T == [String] {
    static var targets: Rule {
        Rule(says: "names, or all-linear alone") { names in
            !names.isEmpty && !names.contains("") && (names.count == 1 || !names.contains(LoRASection.allLinear))
        }
    }
}
