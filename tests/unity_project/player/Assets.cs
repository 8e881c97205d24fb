using System;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using UnityEngine;
using Object = UnityEngine.Object;

namespace Fedxr.Player
{
    /// <summary>A project's files by their GUIDs, which stand in the <c>.meta</c> beside each, and the
    /// few assets of Unity's own that scenes use.</summary>
    public sealed class Assets
    {
        const string BuiltIn = "0000000000000000e000000000000000", BuiltInExtra = "0000000000000000f000000000000000";

        static readonly Dictionary<long, string> meshes = new Dictionary<long, string>
        {
            { 10202, "Cube" }, { 10206, "Cylinder" }, { 10207, "Sphere" }, { 10208, "Capsule" }, { 10209, "Plane" },
            { 10210, "Quad" },
        };

        readonly Dictionary<string, string> paths = new Dictionary<string, string>();
        readonly Dictionary<string, Object> loaded = new Dictionary<string, Object>();
        readonly Assembly[] code;

        /// <param name="project">The folder that holds Assets and Packages.</param>
        /// <param name="code">Where the scripts' classes are.</param>
        public Assets(string project, params Assembly[] code)
        {
            this.code = code;
            foreach (string top in new[] { "Assets", "Packages" })
                if (Directory.Exists(Path.Combine(project, top)))
                    foreach (string meta in Directory.GetFiles(
                        Path.Combine(project, top), "*.meta", SearchOption.AllDirectories))
                        paths[GuidIn(meta)] = meta.Substring(0, meta.Length - ".meta".Length);
        }

        static string GuidIn(string meta)
        {
            foreach (string line in File.ReadAllLines(meta))
                if (line.StartsWith("guid: "))
                    return line.Substring("guid: ".Length).Trim();
            throw new FormatException($"{meta}: no line 'guid: …'");
        }

        /// <summary>The class of a script file: it has the file's name.</summary>
        public Type Script(string guid)
        {
            string name = Path.GetFileNameWithoutExtension(PathOf(guid));
            foreach (Assembly one in code)
                foreach (Type type in one.GetTypes())
                    if (type.Name == name && type.IsSubclassOf(typeof(MonoBehaviour)))
                        return type;
            throw new FormatException($"{PathOf(guid)}: no MonoBehaviour {name} in what was compiled");
        }

        /// <summary>What <c>{fileID: …, guid: …, type: …}</c> refers to.</summary>
        public Object Find(Node reference)
        {
            long id = reference["fileID"].Long;
            string guid = reference["guid"].Text, key = guid + id;
            if (!loaded.TryGetValue(key, out Object found))
                loaded[key] = found = guid == BuiltIn || guid == BuiltInExtra ? Own(id) : Load(PathOf(guid));
            return found;
        }

        static Object Own(long id)
        {
            if (meshes.TryGetValue(id, out string name))
                return new Mesh { name = name };
            if (id == 10303 || id == 10100)
                return new Material(new Shader()) { name = id == 10303 ? "Default-Material" : "Font Material" };
            if (id == 10102)
                return new Font { name = "LegacyRuntime" };
            if (id == 10304)
                return null; // the usual skybox, which nothing here looks at
            throw new FormatException($"Unity's own asset {id} is not known to this player");
        }

        static Object Load(string path)
        {
            switch (Path.GetExtension(path))
            {
                case ".json":
                case ".txt":
                    return new TextAsset(File.ReadAllText(path)) { name = Path.GetFileNameWithoutExtension(path) };
                case ".mat":
                    return LoadMaterial(path);
                default:
                    throw new FormatException($"{path}: this player loads .json, .txt and .mat");
            }
        }

        static Material LoadMaterial(string path)
        {
            Node fields = Yaml.Read(File.ReadAllText(path))[0].Fields;
            var made = new Material(new Shader()) { name = fields["m_Name"].Text };
            foreach (Node one in fields["m_SavedProperties"]["m_Colors"].Items)
                if (one["_Color"] != null)
                    made.color = Natives.Read<Color>(one["_Color"]);
            return made;
        }

        string PathOf(string guid)
        {
            if (!paths.TryGetValue(guid, out string path))
                throw new FormatException($"no .meta in the project has the GUID {guid}");
            return path;
        }
    }
}
