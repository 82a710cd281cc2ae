import Foundation
import Torch

/// PEFT's directory of a LoRA adapter: adapter_config.json and adapter_model.safetensors; the fixtures are by PEFT 0.21.
package struct AdapterFiles {
    package static let configurationFile = "adapter_config.json"
    package static let weightsFile = "adapter_model.safetensors"

    let configuration: LoRAConfiguration
    let base: String?
    let modules: [LinearModule]
    /// Under the names of ``tensorName(_:_:)``.
    let weights: WeightFiles

    /// Whether a directory holds an adapter.
    package static func isAdapter(_ directory: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(directory)/\(configurationFile)")
    }

    static func tensorName(_ module: String, _ letter: String) -> String {
        "base_model.model.\(module).lora_\(letter).weight"
    }

    init(_ files: ModelFiles, for model: ModelConfiguration) throws {
        let reader = try ConfigurationReader(
            data: files.data(Self.configurationFile), source: files.label(Self.configurationFile))
        var configuration = try AdapterConfiguration.read(reader)
        base = reader.has("base_model_name_or_path") ? try reader.string("base_model_name_or_path") : nil
        let family = Families.named(model.modelType)
        if !files.has(Self.weightsFile), files.has("adapter_model.bin") {
            throw LanguageModelError(
                .file, "\(files.label) has pickled weights only (adapter_model.bin); save it as \(Self.weightsFile)")
        }
        // As PEFT calls the modules, which its patterns are about, by the names that they have here.
        var names: [String: String] = [:]
        let weights = try WeightFiles(files.safetensors(Self.weightsFile)) { name in
            let prefix = "base_model.model."
            guard name.hasPrefix(prefix) else { return name }
            let inner = String(name.dropFirst(prefix.count))
            let canonical = family?.canonicalName(inner) ?? inner
            if let (module, theirs) = Self.module(canonical, inner) { names[module] = theirs }
            return prefix + canonical
        }
        // Which modules have a change is what the weights say: `target_modules` may be a pattern.
        let modules = LinearModule.all(model).filter { weights.has(Self.tensorName($0.name, "A")) }
        let expected = Set(modules.flatMap { [Self.tensorName($0.name, "A"), Self.tensorName($0.name, "B")] })
        for name in weights.names where !expected.contains(name) {
            throw LanguageModelError(
                .weights,
                "\(files.label(Self.weightsFile)) has the tensor '\(name)', which changes no linear map of this model's trunk: "
                    + "not implemented; \(AdapterConfiguration.remedy)")
        }
        guard !modules.isEmpty else {
            throw LanguageModelError(
                .weights, "\(files.label(Self.weightsFile)) has no lora_A for a linear map of this model")
        }
        if configuration.targets.isEmpty { configuration.targets = modules.map(\.name).sorted() }
        try AdapterConfiguration.readPatterns(reader, modules, names, weights, into: &configuration)
        self.configuration = configuration
        self.modules = modules
        self.weights = weights
    }

    /// The module that a tensor named `canonical` changes, here and as PEFT calls it.
    private static func module(_ canonical: String, _ theirs: String) -> (String, String)? {
        let ending = ".lora_A.weight"
        guard canonical.hasSuffix(ending), theirs.hasSuffix(ending) else { return nil }
        return (String(canonical.dropLast(ending.count)), String(theirs.dropLast(ending.count)))
    }
}
