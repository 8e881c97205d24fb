// Signatures of the part of UnityEditor that our windows and inspectors use, so that they can be
// compiled where no editor is. Nothing here does anything: what windows look like, only the real
// editor shows. Written from Unity's public documentation.
using System;
using UnityEngine;

namespace UnityEngine
{
    public class ScriptableObject : Object { }

    public sealed class GUIContent
    {
        public GUIContent(string text, string tooltip) { }
    }

    public sealed class GUILayoutOption { }

    public static class GUILayout
    {
        public static bool Button(string text, params GUILayoutOption[] options) => false;
    }
}

namespace UnityEditor
{
    [AttributeUsage(AttributeTargets.Method)]
    public sealed class MenuItem : Attribute
    {
        public int priority;

        public MenuItem(string itemName) { }
    }

    [AttributeUsage(AttributeTargets.Class)]
    public sealed class CustomEditor : Attribute
    {
        public CustomEditor(Type inspectedType) { }
        public CustomEditor(Type inspectedType, bool editorForChildClasses) { }
    }

    public class Editor : ScriptableObject
    {
        public UnityEngine.Object target { get; set; }
        public SerializedObject serializedObject => new SerializedObject(target);
        public virtual bool RequiresConstantRepaint() => false;
        public virtual void OnInspectorGUI() { }
        public bool DrawDefaultInspector() => false;
    }

    public class EditorWindow : ScriptableObject
    {
        public Vector2 minSize { get; set; }
        public static T GetWindow<T>(bool utility, string title) where T : EditorWindow => null;
        public void Show() { }
        public void Repaint() { }
    }

    public sealed class SerializedObject
    {
        public SerializedObject(UnityEngine.Object obj) { }
        public SerializedProperty FindProperty(string propertyPath) => new SerializedProperty();
        public bool ApplyModifiedProperties() => true;
    }

    public sealed class SerializedProperty
    {
        public string stringValue { get; set; }
    }

    public static class EditorPrefs
    {
        public static string GetString(string key, string defaultValue) => defaultValue;
        public static void SetString(string key, string value) { }
    }

    public static class EditorApplication
    {
        public delegate void CallbackFunction();

        public static CallbackFunction update;
        public static bool isPlaying { get; set; }
    }

    public static class EditorUtility
    {
        public static bool DisplayDialog(string title, string message, string ok) => true;
    }

    public enum MessageType { None, Info, Warning, Error }

    public static class EditorGUI
    {
        public sealed class DisabledScope : IDisposable
        {
            public DisabledScope(bool disabled) { }
            public void Dispose() { }
        }
    }

    public static class EditorGUILayout
    {
        public static string TextField(GUIContent label, string text, params GUILayoutOption[] options) => text;
        public static void HelpBox(string message, MessageType type) { }

        public sealed class HorizontalScope : IDisposable
        {
            public HorizontalScope(params GUILayoutOption[] options) { }
            public void Dispose() { }
        }
    }
}

namespace UnityEditor
{
    public static class AssetDatabase
    {
        public static string AssetPathToGUID(string path) => "";
    }

    public static class GameObjectUtility
    {
        public static int GetMonoBehavioursWithMissingScriptCount(GameObject go) => 0;
    }
}

namespace UnityEditor.SceneManagement
{
    public static class EditorSceneManager
    {
        public static void OpenScene(string scenePath) { }
    }
}

namespace UnityEngine.TestTools
{
    [AttributeUsage(AttributeTargets.Method)]
    public sealed class UnityTestAttribute : Attribute { }

    public static class LogAssert
    {
        public static void NoUnexpectedReceived() { }

        public static void Expect(LogType type, string message) { }
    }
}
