/// Whether a directory holds the model that its config.json describes, from headers alone: no weight is read.
package enum ModelCheck {
    /// - Returns: the configuration, whose warnings are for the user.
    /// - Throws: ``LanguageModelError`` that names the file, key or tensor that is missing, misshaped or unknown.
    package static func language(_ directory: String) throws -> ModelConfiguration {
        let (configuration, weights) = try trunk(directory)
        let head = CausalLM.headSpecification(configuration)
        if let head { try weights.check(head) }
        try expectOnly(weights, configuration, [CausalLM.headName(configuration)])
        return configuration
    }

    /// The same for a reward model; its head may stand in a file of its own.
    package static func reward(_ directory: String) throws -> ModelConfiguration {
        let (configuration, weights) = try trunk(directory)
        try expectOnly(weights, configuration, [CausalLM.headName(configuration), ScalarHead.weightName])
        return configuration
    }

    private static func trunk(_ directory: String) throws -> (ModelConfiguration, WeightFiles) {
        let files = ModelFiles.directory(directory)
        let configuration = try files.configuration()
        guard let family = Families.named(configuration.modelType) else {
            throw LanguageModelError(.configuration, "model_type '\(configuration.modelType)' is not supported")
        }
        let weights = try WeightFiles(files, of: configuration)
        for specification in family.tensors(configuration) { try weights.check(specification) }
        return (configuration, weights)
    }

    private static func expectOnly(
        _ weights: WeightFiles, _ configuration: ModelConfiguration, _ others: [String]
    ) throws {
        guard let family = Families.named(configuration.modelType) else { return }
        let expected = Set(family.tensors(configuration).map(\.name) + others)
        try weights.expectOnly(expected) { family.isIgnored($0) }
    }
}
