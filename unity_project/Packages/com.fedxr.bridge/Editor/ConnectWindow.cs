using System;
using System.Collections.Generic;
using UnityEditor;
using UnityEngine;

namespace Fedxr.Editor
{
    /// <summary><c>fedxr > Connect…</c>: where the agent is; tries it, and puts it into the scene.</summary>
    public sealed class ConnectWindow : EditorWindow
    {
        const string UrlKey = "fedxr.url", UserKey = "fedxr.user";

        string url, user, token = "", certificate = "";
        ConnectionTest test;

        [MenuItem("fedxr/Connect…", priority = 0)]
        static void Open() => GetWindow<ConnectWindow>(true, "fedxr: connect").Show();

        void OnEnable()
        {
            minSize = new Vector2(420, 240);
            url = EditorPrefs.GetString(UrlKey, "ws://127.0.0.1:8765");
            user = EditorPrefs.GetString(UserKey, "user");
            EditorApplication.update += Look;
        }

        void OnDisable()
        {
            EditorApplication.update -= Look;
            if (test != null)
                test.Dispose();
        }

        void OnGUI()
        {
            url = EditorGUILayout.TextField(new GUIContent("Url", "ws://host:port, or wss:// over a network"), url);
            token = EditorGUILayout.TextField(new GUIContent("Token", "what `fedxr serve --lan` prints"), token);
            certificate = EditorGUILayout.TextField(new GUIContent("Certificate", "SHA-256 of a wss server's own "
                + "certificate; the test says it where one is needed"), certificate);
            user = EditorGUILayout.TextField(new GUIContent("User", "a pseudonym; the agent keeps what it has "
                + "learned under it"), user);
            if (token.Length > 0)
                EditorGUILayout.HelpBox("The token is put into the scene file. Do not share that file.",
                    MessageType.Warning);
            using (new EditorGUILayout.HorizontalScope())
            {
                if (GUILayout.Button("Test connection"))
                    Try();
                using (new EditorGUI.DisabledScope(Headset() == null))
                    if (GUILayout.Button("Use in this scene"))
                        Use(Headset());
            }
            if (test != null)
                EditorGUILayout.HelpBox(test.Text, !test.Done || test.Succeeded ? MessageType.Info
                    : MessageType.Error);
        }

        void Try()
        {
            EditorPrefs.SetString(UrlKey, url);
            EditorPrefs.SetString(UserKey, user);
            if (test != null)
                test.Dispose();
            test = null;
            HeadsetConnection headset = Headset();
            var channels = new List<Channel>();
            try
            {
                if (headset != null)
                    foreach (Sensor sensor in headset.GetComponentsInChildren<Sensor>())
                        channels.Add(sensor.Offer());
                if (channels.Count == 0)
                    channels.Add(new Channel("head", "motion/head", 72));
                string scenario = headset == null ? null : headset.ScenarioName;
                test = new ConnectionTest(url, token, certificate, scenario ?? "companion", channels);
            }
            catch (Exception error) when (error is ArgumentException || error is FormatException)
            {
                EditorUtility.DisplayDialog("fedxr", error.Message, "OK");
            }
        }

        void Use(HeadsetConnection headset)
        {
            var fields = new SerializedObject(headset);
            fields.FindProperty("url").stringValue = url;
            fields.FindProperty("token").stringValue = token;
            fields.FindProperty("certificateSha256").stringValue = certificate;
            fields.FindProperty("user").stringValue = user;
            fields.ApplyModifiedProperties(); // with undo
        }

        void Look()
        {
            if (test == null || test.Done)
                return;
            test.Look();
            Repaint();
        }

        static HeadsetConnection Headset() => FindAnyObjectByType<HeadsetConnection>(FindObjectsInactive.Include);
    }
}
