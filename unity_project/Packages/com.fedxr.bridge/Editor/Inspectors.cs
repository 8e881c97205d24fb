using System.Collections.Generic;
using UnityEditor;
using UnityEngine;

namespace Fedxr.Editor
{
    /// <summary>The connection's fields, what is wrong with them, and in play mode how it stands.</summary>
    [CustomEditor(typeof(HeadsetConnection))]
    public sealed class HeadsetConnectionEditor : UnityEditor.Editor
    {
        /// <summary>While playing the state changes by itself.</summary>
        public override bool RequiresConstantRepaint() => EditorApplication.isPlaying;

        /// <summary>Draws it.</summary>
        public override void OnInspectorGUI()
        {
            DrawDefaultInspector();
            var headset = (HeadsetConnection)target;
            Boxes.Show(SceneRules.Check(headset));
            if (headset.Client != null)
                EditorGUILayout.HelpBox(State(headset), headset.Client.State == ConnectionState.Open
                    ? MessageType.Info : MessageType.Warning);
        }

        static string State(HeadsetConnection headset)
        {
            BridgeClient client = headset.Client;
            ClientStats stats = client.Stats;
            string text = client.State + (client.Trouble.Length > 0 ? ": " + client.Trouble : "");
            return text + "\n" + stats.FramesSent + " frames, " + stats.FramesDropped + " dropped; reply after "
                + headset.Latency.P50.ToString("0") + " ms (p50), "
                + headset.Latency.P99.ToString("0") + " ms (p99)";
        }
    }

    /// <summary>A sensor's fields, and what it sends.</summary>
    [CustomEditor(typeof(Sensor), true)]
    public sealed class SensorEditor : UnityEditor.Editor
    {
        /// <summary>Draws it.</summary>
        public override void OnInspectorGUI()
        {
            DrawDefaultInspector();
            var sensor = (Sensor)target;
            List<Finding> found = SceneRules.Check(sensor);
            Boxes.Show(found);
            if (found.Count == 0)
                EditorGUILayout.HelpBox("Channel " + sensor.ChannelName + ": " + sensor.Layout + Fate(sensor),
                    MessageType.None);
        }

        static string Fate(Sensor sensor)
        {
            if (sensor.Channel == null)
                return "";
            return sensor.Channel.Accepted ? ", taken by the agent"
                : ", not taken: " + (sensor.Channel.Refusal ?? "no connection yet");
        }
    }

    static class Boxes
    {
        internal static void Show(List<Finding> found)
        {
            foreach (Finding one in found)
                EditorGUILayout.HelpBox(one.Text, one.IsError ? MessageType.Error : MessageType.Warning);
        }
    }
}
