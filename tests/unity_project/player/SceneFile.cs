using System;
using System.Collections.Generic;
using System.IO;
using UnityEngine;
using Object = UnityEngine.Object;

namespace Fedxr.Player
{
    /// <summary>
    /// Builds what a <c>.unity</c> file describes: first the GameObjects, then the components of each
    /// in its order, then their fields and who is whose parent, since any may refer to any other.
    /// </summary>
    public sealed class SceneFile
    {
        static readonly HashSet<int> settings = new HashSet<int> { 29, 157, 196, 1660057539 };

        readonly Assets assets;
        readonly List<Document> documents;
        readonly Dictionary<long, Object> made = new Dictionary<long, Object>();

        public SceneFile(string path, Assets assets)
        {
            this.assets = assets;
            documents = Yaml.Read(File.ReadAllText(path));
        }

        public void Build()
        {
            var byId = new Dictionary<long, Document>();
            foreach (Document one in documents)
                byId.Add(one.Id, one);
            foreach (Document one in documents)
                if (one.Class == 1)
                    Make(one, byId);
            foreach (Document one in documents)
                if (one.Class == 104)
                    Natives.Fill(one.Fields);
                else if (!made.ContainsKey(one.Id) && !settings.Contains(one.Class))
                    throw new FormatException($"{one.Type} {one.Id} belongs to no GameObject");
            foreach (Document one in documents)
                Fill(one);
        }

        void Make(Document thing, Dictionary<long, Document> byId)
        {
            Node fields = thing.Fields;
            var whole = new GameObject(fields["m_Name"].Text)
            {
                layer = (int)fields["m_Layer"].Long,
                tag = fields["m_TagString"].Text,
            };
            whole.SetActive(fields["m_IsActive"].Bool);
            made.Add(thing.Id, whole);
            foreach (Node one in fields["m_Component"].Items)
            {
                long id = one["component"]["fileID"].Long;
                if (!byId.TryGetValue(id, out Document part))
                    throw new FormatException($"{whole.name}: component {id} is not in the file");
                if (part.Fields["m_GameObject"]["fileID"].Long != thing.Id)
                    throw new FormatException($"{whole.name}: component {id} says that it belongs to another object");
                made.Add(id, Add(whole, part));
            }
        }

        Component Add(GameObject whole, Document part)
        {
            if (part.Class == 4)
                return whole.transform;
            bool script = part.Class == 114;
            return whole.AddComponent(script ? assets.Script(part.Fields["m_Script"]["guid"].Text) : Natives.TypeOf(part));
        }

        void Fill(Document one)
        {
            try
            {
                if (one.Class == 4)
                    FillTransform((Transform)made[one.Id], one.Fields);
                else if (one.Class == 114)
                    FillScript((MonoBehaviour)made[one.Id], one.Fields);
                else if (one.Class != 1 && made.ContainsKey(one.Id))
                    Natives.Fill((Component)made[one.Id], one.Fields, Find);
            }
            catch (Exception error)
            {
                throw new FormatException($"{one.Type} {one.Id} of {made[one.Id].name}: {error.Message}", error);
            }
        }

        void FillTransform(Transform at, Node fields)
        {
            at.localPosition = Natives.Read<Vector3>(fields["m_LocalPosition"]);
            at.localRotation = Natives.Read<Quaternion>(fields["m_LocalRotation"]);
            at.localScale = Natives.Read<Vector3>(fields["m_LocalScale"]);
            foreach (Node child in fields["m_Children"].Items)
                ((Transform)Find(child)).SetParent(at, false);
        }

        void FillScript(MonoBehaviour script, Node fields)
        {
            var own = new List<KeyValuePair<string, Node>>();
            foreach (KeyValuePair<string, Node> one in fields.Map)
                if (!one.Key.StartsWith("m_"))
                    own.Add(one);
            Values.Fill(script, own, Find);
            script.enabled = fields["m_Enabled"].Bool;
        }

        /// <summary>What a reference refers to: in this file, in the project, or nothing.</summary>
        Object Find(Node reference)
        {
            if (reference["guid"] != null)
                return assets.Find(reference);
            long id = reference["fileID"].Long;
            if (id == 0)
                return null;
            if (!made.TryGetValue(id, out Object found))
                throw new FormatException($"nothing in this file has the ID {id}");
            return found;
        }
    }
}
