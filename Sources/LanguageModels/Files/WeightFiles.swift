import Foundation
import Torch

/// All tensors of a model, from `model.safetensors` or from the shards that `model.safetensors.index.json` lists.
struct WeightFiles {
    /// Where a tensor is, and what it is called there.
    private struct Place {
        let file: Safetensors
        let name: String
    }

    private let location: [String: Place]
    let label: String

    /// The files of a model, its tensors under the names that its family gives them.
    init(_ files: ModelFiles, of configuration: ModelConfiguration) throws {
        let plain = try WeightFiles(files)
        guard let family = Families.named(configuration.modelType) else {
            self = plain
            return
        }
        var location: [String: Place] = [:]
        for (name, place) in plain.location {
            let canonical = family.canonicalName(name)
            guard location.updateValue(place, forKey: canonical) == nil else {
                throw LanguageModelError(.weights, "\(plain.label) has the tensor '\(canonical)' under two names")
            }
        }
        self.location = location
        label = plain.label
    }

    private init(_ files: ModelFiles) throws {
        label = files.label
        if files.has(ModelFiles.weightsFile) || !files.has("model.safetensors.index.json") {
            if !files.has(ModelFiles.weightsFile) {
                for name in ["pytorch_model.bin", "pytorch_model.bin.index.json"] where files.has(name) {
                    throw LanguageModelError(
                        .file, "\(files.label) has pickled weights only (\(name)); save it as model.safetensors")
                }
            }
            let file = try files.safetensors(ModelFiles.weightsFile)
            location = Dictionary(uniqueKeysWithValues: file.names.map { ($0, Place(file: file, name: $0)) })
            return
        }
        struct Index: Decodable { let weight_map: [String: String] }
        let index: Index
        do {
            index = try JSONDecoder().decode(Index.self, from: files.data("model.safetensors.index.json"))
        } catch let error as DecodingError {
            throw LanguageModelError(
                .file, "\(files.label("model.safetensors.index.json")) holds no weight_map of names", cause: error)
        }
        var shards: [String: Safetensors] = [:]
        for name in Set(index.weight_map.values).sorted() {
            guard !name.contains("/"), name != "..", name.hasSuffix(".safetensors") else {
                throw LanguageModelError(
                    .file,
                    "\(files.label("model.safetensors.index.json")) names the shard '\(name)'; a plain file name is expected"
                )
            }
            shards[name] = try files.safetensors(name)
        }
        var location: [String: Place] = [:]
        for (tensor, shard) in index.weight_map {
            guard let file = shards[shard], file.contains(tensor) else {
                throw LanguageModelError(
                    .weights, "tensor '\(tensor)' is not in '\(shard)', where the index of \(files.label) puts it")
            }
            location[tensor] = Place(file: file, name: tensor)
        }
        self.location = location
    }

    init(_ file: Safetensors) {
        label = file.source
        location = Dictionary(uniqueKeysWithValues: file.names.map { ($0, Place(file: file, name: $0)) })
    }

    /// One file, its tensors under other names.
    init(_ file: Safetensors, renamed: (String) -> String) throws {
        label = file.source
        var location: [String: Place] = [:]
        for name in file.names {
            guard location.updateValue(Place(file: file, name: name), forKey: renamed(name)) == nil else {
                throw LanguageModelError(.weights, "\(file.source) has the tensor '\(renamed(name))' under two names")
            }
        }
        self.location = location
    }

    var names: [String] { location.keys.sorted() }
    func has(_ name: String) -> Bool { location[name] != nil }
    func shape(of name: String) -> [Int]? { location[name].flatMap { $0.file.shape(of: $0.name) } }

    /// The tensor in `dtype`.
    ///
    /// - Throws: when it is missing, has another shape or no floating-point type, or holds NaN or infinity.
    func tensor(_ specification: TensorSpecification, dtype: DType, device: Device) throws -> Tensor {
        let place = try found(specification)
        let (file, name) = (place.file, place.name)
        let tensor = try file.tensor(name)
        guard try tensor.allFinite() else {
            throw LanguageModelError(.weights, "tensor '\(name)' of \(file.source) holds NaN or infinity")
        }
        return try tensor.to(dtype: dtype, device: device)
    }

    /// - Throws: when the tensor is missing, has another shape or no floating-point type. Reads the header alone.
    func check(_ specification: TensorSpecification) throws { _ = try found(specification) }

    private func found(_ specification: TensorSpecification) throws -> Place {
        guard let place = location[specification.name], let shape = place.file.shape(of: place.name),
            let stored = place.file.dtype(of: place.name)
        else {
            throw LanguageModelError(.weights, "\(label) has no tensor '\(specification.name)'")
        }
        let (file, name) = (place.file, place.name)
        guard shape == specification.shape else {
            throw LanguageModelError(
                .weights,
                "tensor '\(name)' of \(file.source) has shape \(shape), the configuration asks for \(specification.shape)"
            )
        }
        guard stored.isFloatingPoint else {
            throw LanguageModelError(
                .weights, "tensor '\(name)' of \(file.source) holds \(stored), not floating-point numbers")
        }
        return place
    }

    /// - Throws: when there is a tensor that nobody asked for.
    func expectOnly(_ expected: Set<String>, ignoring: (String) -> Bool) throws {
        for name in names where !expected.contains(name) && !ignoring(name) {
            throw LanguageModelError(.weights, "\(label) has the unexpected tensor '\(name)'")
        }
    }
}
